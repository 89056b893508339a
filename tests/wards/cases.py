"""All cases of both wards."""

from tests.wards.healthy import HEALTHY
from tests.wards.recipe import Case, in_halves
from tests.wards.sick import SICK

CASES: tuple[Case, ...] = in_halves(SICK + HEALTHY)
BY_NAME = {case.name: case for case in CASES}
