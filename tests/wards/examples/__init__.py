"""Trainings of the kinds that Keras's documentation shows, each in seconds.

They train in many ways of their own, where a watch is most easily wrong: nothing may be reported of the healthy
ones (`EXAMPLES`), and what cannot be read must be said truly. Those of `SICK` have one planted fault.
"""

from tests.wards.examples.example import Example
from tests.wards.examples.generative import GENERATIVE
from tests.wards.examples.metric import METRIC
from tests.wards.examples.own_loops import LOOPS
from tests.wards.examples.sick import SICK
from tests.wards.examples.tables import TABLES
from tests.wards.examples.text import TEXT
from tests.wards.examples.timeseries import SERIES
from tests.wards.examples.vision import VISION

EXAMPLES: tuple[Example, ...] = VISION + TEXT + TABLES + SERIES + GENERATIVE + METRIC + LOOPS
BY_NAME = {example.name: example for example in (*EXAMPLES, *SICK)}
