"""Made data for the part "unseen" of the pairs, like those of `made.py`: the same rows in every call."""

from collections.abc import Callable

import numpy as np

from benchmarks.quality.made import Rows
from benchmarks.quality.made_open import _mistaken, _standard

# --- tables -------------------------------------------------------------------------------------------


def matches() -> Callable[[], Rows]:
    """Two teams with attack, defence, rest and absences; the class is loss, draw or win, of goals drawn by chance."""

    def make() -> Rows:
        draw = np.random.default_rng(40)
        attack, defence = draw.normal(size=(2, 6000, 2))
        rest, absent = draw.integers(2, 9, (6000, 2)), draw.poisson(0.7, (6000, 2))
        home = draw.integers(0, 2, 6000)
        tired = 0.5 * (rest < 4) * (1 + (absent > 1))
        force = 0.9 * attack - 0.25 * absent - tired
        often = force - 0.9 * defence[:, ::-1] + 0.4 * np.stack([home, -home], axis=1) + 0.3
        goals = draw.poisson(np.exp(np.clip(often, -4, 2.5)))
        form = force + 0.8 * draw.normal(size=(6000, 2))
        past = draw.normal(size=(6000, 4))
        x = np.concatenate([attack, defence, rest, absent, home[:, None], form, past], axis=1)
        y = np.sign(goals[:, 0] - goals[:, 1]) + 1
        return _standard(x).astype("float32"), y.astype(int)

    return make


def machines(scaled: bool = True, wrong: float = 0.03) -> Callable[[], Rows]:
    """Machines that run well or fail of heat, power or wear, of which each is rare and has its own conditions."""

    def make() -> Rows:
        draw = np.random.default_rng(41)
        outside = draw.normal(300, 2, 6000)
        inside = outside + draw.normal(10, 1, 6000)
        turns, force = draw.gamma(12, 40, 6000) + 1050, np.maximum(draw.normal(40, 10, 6000), 4)
        wear, grade = draw.uniform(0, 250, 6000), draw.integers(0, 3, 6000)
        power = force * turns * 2 * np.pi / 60 / 1000 + 0.15 * draw.normal(size=6000)
        strain = wear * force / 1000 + 0.3 * draw.normal(size=6000)
        heat = (inside - outside + 0.2 * draw.normal(size=6000) < 9.3) & (turns < 1500)
        y = np.select([heat, (power < 3.9) | (power > 9.6), strain > 7.4 + 0.8 * grade], [1, 2, 3], 0)
        columns = [outside, inside, turns, force, wear, grade, *draw.normal(50, 20, (4, 6000))]
        x = np.stack(columns, axis=1)
        return (_standard(x) if scaled else x).astype("float32"), _mistaken(y, wrong, draw)

    return make


def mushrooms(levels: int = 5, wrong: float = 0.03) -> Callable[[], Rows]:
    """Nine attributes with a column of zeros and ones for each of their levels; two pairs of them act together."""

    def make() -> Rows:
        draw = np.random.default_rng(42)
        share = draw.dirichlet(np.full(levels, 3.0), 9)
        level = np.stack([draw.choice(levels, 6000, p=each) for each in share], axis=1)
        alone, together = draw.normal(size=(3, levels)), draw.normal(size=(2, levels, levels))
        score = sum(alone[each][level[:, each]] for each in range(3))
        score = score + 1.5 * (together[0][level[:, 2], level[:, 3]] + together[1][level[:, 4], level[:, 5]])
        y = score + 0.3 * draw.normal(size=6000) > np.quantile(score, 0.55)
        return np.eye(levels)[level].reshape(6000, -1).astype("float32"), _mistaken(y.astype(int), wrong, draw)

    return make


def patients() -> Callable[[], Rows]:
    """Vital signs, of which some are not taken (then 0) and less often in the well; home, ward or intensive care."""

    def make() -> Rows:
        draw = np.random.default_rng(43)
        ill = draw.normal(size=6000)
        load = np.array([0.7, 0.6, -0.6, 0.4, 0.5, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0])
        signs = ill[:, None] * load + np.sqrt(1 - load**2) * draw.normal(size=(6000, 11))
        age = draw.uniform(-1.7, 1.7, 6000)
        risk = ill + 0.35 * signs[:, 6] ** 2 + 0.6 * np.maximum(signs[:, 7], 0) * (age > 0.5)
        risk = risk + 0.4 * age + 0.5 * (signs[:, 0] > 1) * (signs[:, 2] < -0.5) + 0.25 * draw.normal(size=6000)
        taken = draw.random((6000, 11)) < 1 / (1 + np.exp(-2.0 - 0.7 * ill))[:, None]
        x = np.concatenate([signs * taken, age[:, None], taken[:, :4]], axis=1)
        return x.astype("float32"), np.searchsorted(np.quantile(risk, [0.6, 0.88]), risk)

    return make


def arms(joints: int = 5, noise: float = 0.08) -> Callable[[], Rows]:
    """Angles of the joints of an arm, and other columns; the target is how far its hand is from a fixed place."""

    def make() -> Rows:
        draw = np.random.default_rng(44)
        x = draw.uniform(-1.1, 1.1, (6000, joints + 4))
        angle, size = np.cumsum(x[:, :joints], axis=1), 0.85 ** np.arange(joints)
        far = np.hypot((size * np.cos(angle)).sum(axis=1) - 1.0, (size * np.sin(angle)).sum(axis=1) - 0.7)
        y = far + noise * draw.normal(size=6000)
        return _standard(x).astype("float32"), _standard(y).astype("float32")

    return make


def spectra(noise: float = 0.02) -> Callable[[], Rows]:
    """Spectra of six mixed substances, over a sloping ground and with stray light; the target is how much of one."""

    def make() -> Rows:
        draw = np.random.default_rng(45)
        at = np.linspace(0, 1, 60)
        middle, wide = draw.uniform(0.1, 0.9, (6, 3, 1)), draw.uniform(0.04, 0.12, (6, 3, 1))
        pure = (draw.uniform(0.3, 1, (6, 3, 1)) * np.exp(-(((at - middle) / wide) ** 2))).sum(axis=1)
        amount = draw.gamma(1.5, 0.4, (6000, 6))
        through = np.exp(-(draw.uniform(0.7, 1.3, (6000, 1)) * (amount @ pure)))
        ground = draw.normal(0, 0.1, (6000, 1)) + draw.normal(0, 0.2, (6000, 1)) * at
        x = -np.log(through + draw.uniform(0.02, 0.12, (6000, 1))) + ground + noise * draw.normal(size=(6000, 60))
        y = amount[:, 0] + 0.1 * draw.normal(size=6000)
        return _standard(x).astype("float32"), _standard(y).astype("float32")

    return make


# --- images -------------------------------------------------------------------------------------------


def flags(noise: float = 0.35, wrong: float = 0.03) -> Callable[[], Rows]:
    """Flags of three coloured bands that wave, pale or strong, in uneven light and with a part hidden.

    The class is the order of the colours and whether the bands lie or stand, [rows, 16, 16, 3].
    """

    def make() -> Rows:
        draw = np.random.default_rng(46)
        y = draw.integers(0, 6, 5000)
        colours = np.array([[0.9, 0.1, 0.2], [0.8, 0.8, 0.3], [0.1, 0.3, 0.9]])
        down, across = np.mgrid[:16, :16]
        lies = (y < 3)[:, None, None]
        over, along = np.where(lies, down, across), np.where(lies, across, down)
        wave = draw.uniform(0.3, 1.5, (5000, 1, 1)) * np.sin(0.5 * along + draw.uniform(0, 6.28, (5000, 1, 1)))
        band = np.clip((over + wave + draw.uniform(-2, 2, (5000, 1, 1))) / 16 * 3, 0, 2.99).astype(int)
        clean = colours[(band + y[:, None, None]) % 3] + draw.normal(0, 0.1, (5000, 1, 1, 3))
        strength = draw.uniform(0.2, 1, (5000, 1, 1, 1))
        clean = strength * clean + (1 - strength) * clean.mean(axis=3, keepdims=True)
        light = 1 + draw.uniform(-0.04, 0.04, (5000, 2, 1, 1))
        clean = clean * (light[:, 0] ** (down - 8) * light[:, 1] ** (across - 8))[..., None]
        corner = draw.integers(0, 11, (5000, 2, 1, 1))
        hidden = (np.abs(down - corner[:, 0] - 2) < 3) & (np.abs(across - corner[:, 1] - 2) < 3)
        x = np.where(hidden[..., None], 0.5, clean) - 0.5 + noise * draw.normal(size=clean.shape)
        return x.astype("float32"), _mistaken(y, wrong, draw)

    return make


def grains(noise: float = 0.3, tiny: bool = False) -> Callable[[], Rows]:
    """Images of three to nine grains that may overlap; the target is their mean radius, [rows, 20, 20, 1].

    If `tiny`, in metres and not standardised.
    """

    def make() -> Rows:
        draw = np.random.default_rng(47)
        down, across = np.mgrid[:20, :20]
        number, typical = draw.integers(3, 10, 5000), np.exp(draw.uniform(0.0, 1.1, 5000))
        radius = typical[:, None] * np.exp(0.25 * draw.normal(size=(5000, 9)))
        there = np.arange(9) < number[:, None]
        at, light = draw.uniform(0, 19, (2, 5000, 9)), draw.uniform(0.6, 1.2, (5000, 9))
        image = np.zeros((5000, 20, 20))
        for grain in range(9):
            far = np.hypot(down - at[0, :, grain, None, None], across - at[1, :, grain, None, None])
            inside = np.clip(radius[:, grain, None, None] - far + 0.5, 0, 1)
            image = np.maximum(image, inside * (light * there)[:, grain, None, None])
        y = (radius * there).sum(axis=1) / number * (1 + 0.05 * draw.normal(size=5000))
        x = (image + noise * draw.normal(size=image.shape))[..., None]
        return x.astype("float32"), (1e-5 * y if tiny else _standard(y)).astype("float32")

    return make


def strokes(noise: float = 0.25, wrong: float = 0.02) -> Callable[[], Rows]:
    """Eight letters that a hand draws in four strokes, each time somewhat turned, bent and moved, [rows, 16, 16, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(48)
        letters = draw.uniform(-5, 5, (8, 5, 2))
        y = draw.integers(0, 8, 5000)
        bent = letters[y] + 0.75 * draw.normal(size=(5000, 5, 2))
        turn, size = draw.normal(0, 0.25, 5000), draw.uniform(0.8, 1.15, 5000)
        turned = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        points = np.einsum("abn,npb->npa", turned, bent) + 7.5 + draw.normal(0, 0.8, (5000, 1, 2))
        pixel = np.arange(16)
        nearest = np.full((5000, 16, 16), np.inf)
        for stroke in range(4):
            for part in np.linspace(0, 1, 7):
                at = (1 - part) * points[:, stroke] + part * points[:, stroke + 1]
                far = (pixel - at[:, :1])[:, :, None] ** 2 + (pixel - at[:, 1:])[:, None, :] ** 2
                nearest = np.minimum(nearest, far)
        clean = np.exp(-nearest / draw.uniform(0.6, 1.6, (5000, 1, 1)))
        x = (clean + noise * draw.normal(size=clean.shape))[..., None]
        return x.astype("float32"), _mistaken(y, wrong, draw)

    return make


def galaxies(noise: float = 0.09) -> Callable[[], Rows]:
    """Galaxies at any tilt, with a star in front; without arms, or with arms that turn left or right.

    [rows, 20, 20, 1].
    """

    def make() -> Rows:
        draw = np.random.default_rng(49)
        y = draw.choice(3, 5000, p=[0.2, 0.4, 0.4])
        down, across = (np.arange(20)[None, :] - 9.5 - draw.normal(0, 0.7, (5000, 1)) for _ in range(2))
        turn, flat = draw.uniform(0, np.pi, (5000, 1, 1)), draw.uniform(0.55, 1, (5000, 1, 1))
        along = np.cos(turn) * down[:, :, None] + np.sin(turn) * across[:, None, :]
        beside = (np.cos(turn) * across[:, None, :] - np.sin(turn) * down[:, :, None]) / flat
        far, angle = np.hypot(along, beside), np.arctan2(beside, along)
        side = np.array([0, -1, 1])[y][:, None, None]
        wound = side * draw.uniform(1.8, 3.2, (5000, 1, 1)) * np.log(far + 1)
        arms = np.cos(2 * angle + wound + draw.uniform(0, 2 * np.pi, (5000, 1, 1))) * np.minimum(far / 3, 1)
        image = np.exp(-far / draw.uniform(3, 6, (5000, 1, 1))) * (
            1 + draw.uniform(0.4, 1, (5000, 1, 1)) * arms * side**2
        )
        star = draw.uniform(0, 19, (5000, 2, 1, 1))
        spot = np.exp(-((np.arange(20)[:, None] - star[:, 0]) ** 2) - (np.arange(20) - star[:, 1]) ** 2)
        x = image + draw.uniform(0, 1, (5000, 1, 1)) * spot + noise * draw.normal(size=image.shape)
        return (3 * x[..., None] - 0.5).astype("float32"), y

    return make


# --- sequences ----------------------------------------------------------------------------------------


def gestures(noise: float = 0.15) -> Callable[[], Rows]:
    """Places of a hand that moves in one of five ways, at any heading and pace, under noise, [rows, 32, 2].

    The ways are to turn left, to turn right, left and then right, a zigzag, and straight with a hook at the end.
    """

    def make() -> Rows:
        draw = np.random.default_rng(50)
        y = draw.integers(0, 5, 5000)
        time = np.linspace(0, 1, 32) ** draw.uniform(0.7, 1.4, (5000, 1))
        much = draw.uniform(1.2, 5, (5000, 1))
        half, late = draw.uniform(0.35, 0.65, (5000, 1)), draw.uniform(0.6, 0.8, (5000, 1))
        mirrored = draw.choice([-1, 1], (5000, 1))
        zigzag = mirrored * np.sign(np.sin(2 * np.pi * (draw.uniform(1.5, 3, (5000, 1)) * time + half)))
        hook = mirrored * np.maximum(time - late, 0) / (1 - late)
        ways = np.stack([time, -time, 2 * np.minimum(time, 2 * half - time), 0.6 * zigzag, hook])
        heading = much * ways[y, np.arange(5000)] + draw.uniform(0, 2 * np.pi, (5000, 1))
        heading = heading + np.cumsum(0.12 * draw.normal(size=heading.shape), axis=1)
        steps = np.stack([np.cos(heading), np.sin(heading)], axis=2) * draw.uniform(0.5, 1.5, (5000, 1, 1))
        places = np.cumsum(steps, axis=1) / 5
        places = places - places.mean(axis=1, keepdims=True)
        return (places + noise * draw.normal(size=places.shape)).astype("float32"), y

    return make


def valves(noise: float = 0.25, length: int = 40) -> Callable[[], Rows]:
    """What a valve is told and where it is, [rows, length, 2]; it works (most often), sticks, is slow or drifts."""

    def make() -> Rows:
        draw = np.random.default_rng(51)
        y = draw.choice(4, 5000, p=[0.4, 0.2, 0.2, 0.2])
        stuck = np.where(y == 1, draw.uniform(0.5, 1.2, 5000), 0.0)
        pace = np.where(y == 2, draw.uniform(0.1, 0.3, 5000), draw.uniform(0.35, 0.7, 5000))
        drift = np.where(y == 3, draw.uniform(0.01, 0.04, 5000) * draw.choice([-1, 1], 5000), 0.0)
        told, at = draw.normal(size=(2, 5000))
        rows = []
        for step in range(length):
            told = np.where(draw.random(5000) < 0.15, draw.normal(size=5000), told)
            at = at + np.where(np.abs(told - at) > stuck, pace * (told - at), 0.0)
            rows.append(np.stack([told, at + drift * step], axis=1))
        clean = np.stack(rows, axis=1)
        return (clean + noise * draw.normal(size=clean.shape) * [0, 1]).astype("float32"), y

    return make


def tides(length: int = 36, datum: float = 0.0) -> Callable[[], Rows]:
    """Hours of the level of the sea, of three tides and the weather; the target is the level five hours later.

    Levels of the target are counted from `datum`, [rows, length, 1].
    """

    def make() -> Rows:
        draw = np.random.default_rng(52)
        hours = np.arange(length + 5)[None, :]
        tide = np.zeros((5000, length + 5))
        for period, size in ((12.42, 1.0), (12.0, 0.4), (25.82, 0.5)):
            each = size * draw.uniform(0.5, 1.5, (5000, 1))
            tide = tide + each * np.cos(2 * np.pi * hours / period + draw.uniform(0, 2 * np.pi, (5000, 1)))
        weather = np.zeros_like(tide)
        for hour in range(1, length + 5):
            weather[:, hour] = 0.92 * weather[:, hour - 1] + 0.12 * draw.normal(size=5000)
        level = tide + 0.15 * tide**2 + weather * (1 - 0.3 * np.tanh(tide))
        seen = level[:, :length] + 0.15 * draw.normal(size=(5000, length))
        return seen[..., None].astype("float32"), (_standard(level[:, -1]) + datum).astype("float32")

    return make


def pendulums(noise: float = 0.2, length: int = 48) -> Callable[[], Rows]:
    """Swings of any period that fade, under noise; the target is the logarithm of how fast, [rows, length, 1]."""

    def make() -> Rows:
        draw = np.random.default_rng(53)
        time = np.arange(length)[None, :]
        fades = np.exp(draw.uniform(np.log(0.008), np.log(0.12), (5000, 1)))
        swing = draw.uniform(0.7, 2, (5000, 1)) * np.exp(-fades * time)
        clean = swing * np.cos(draw.uniform(0.4, 0.9, (5000, 1)) * time + draw.uniform(0, 2 * np.pi, (5000, 1)))
        x = (clean + noise * draw.normal(size=clean.shape))[..., None]
        return x.astype("float32"), _standard(np.log(fades[:, 0])).astype("float32")

    return make


def probes(length: int = 24, noise: float = 0.4) -> Callable[[], Rows]:
    """Five probes of one slow signal, each with its own gain; the class is the one that is broken, [rows, length, 5].

    What a broken probe shows looks alike, but has little to do with the signal.
    """

    def make() -> Rows:
        draw = np.random.default_rng(54)
        y = draw.integers(0, 5, 5000)
        both = draw.normal(size=(2, 5000, length))
        for step in range(1, length):
            both[:, :, step] = 0.7 * both[:, :, step - 1] + 0.71 * both[:, :, step]
        share = draw.uniform(0, 0.6, (5000, 1))
        broken = share * both[0] + np.sqrt(1 - share**2) * both[1]
        clean = np.where((np.arange(5) == y[:, None])[:, None, :], broken[..., None], both[0][..., None])
        clean = clean * draw.uniform(0.7, 1.3, (5000, 1, 5))
        return (clean + noise * draw.normal(size=clean.shape)).astype("float32"), y

    return make


# --- texts --------------------------------------------------------------------------------------------


def idioms(words: int = 120, wrong: float = 0.04) -> Callable[[], Rows]:
    """Rows of tokens with two idioms of two words each; only which words meet tells the class, [rows, 16].

    Words of idioms are there alone, too.
    """

    def make() -> Rows:
        draw = np.random.default_rng(55)
        x, y = draw.integers(12, words, (5000, 16)), draw.integers(0, 3, 5000)
        rows, places = np.arange(5000), 2 * np.argsort(draw.random((5000, 8)), axis=1)
        for idiom in range(2):
            first, twin = draw.integers(0, 6, 5000), draw.integers(0, 2, 5000)
            x[rows, places[:, idiom]] = first
            x[rows, places[:, idiom] + 1] = 6 + (y - first) % 3 + 3 * twin
        for alone in range(2, 5):
            x[rows, places[:, alone] + draw.integers(0, 2, 5000)] = draw.integers(0, 12, 5000)
        return x.astype("int32"), _mistaken(y, wrong, draw)

    return make


def brackets(length: int = 24, wrong: float = 0.03) -> Callable[[], Rows]:
    """Rows of letters and of brackets that open and close; the class is how deep they are nested, [rows, length]."""

    def make() -> Rows:
        draw = np.random.default_rng(56)
        x = draw.integers(2, 14, (5000, length))
        depth, deepest = np.zeros(5000, int), np.zeros(5000, int)
        opens = draw.uniform(0.4, 0.6, 5000)
        for step in range(length):
            bracket = draw.random(5000) < 0.6
            up = bracket & ((draw.random(5000) < opens) | (depth == 0))
            down = bracket & ~up
            x[up, step], x[down, step] = 0, 1
            depth = depth + up - down
            deepest = np.maximum(deepest, depth)
        return x.astype("int32"), _mistaken(np.clip(deepest, 2, 5) - 2, wrong, draw)

    return make


def urgencies(words: int = 400, length: int = 15) -> Callable[[], Rows]:
    """Rows of tokens of any number, then zeros, where few words are common; the most urgent word sets the target.

    The second most urgent one adds a little, [rows, length].
    """

    def make() -> Rows:
        draw = np.random.default_rng(57)
        common = 1 / (np.arange(1, words) + 5)
        x = 1 + draw.choice(words - 1, (5000, length), p=common / common.sum())
        x[np.arange(length)[None, :] >= draw.integers(6, length + 1, (5000, 1))] = 0
        weight = draw.gamma(1.0, 1.0, words) * (draw.random(words) < 0.5)
        weight[0] = 0
        most = np.sort(weight[x], axis=1)
        y = most[:, -1] + 0.3 * most[:, -2] + 0.25 * draw.normal(size=5000)
        return x.astype("int32"), _standard(y).astype("float32")

    return make
