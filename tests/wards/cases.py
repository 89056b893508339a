"""All cases of both wards."""

from tests.wards.families import FAMILIES
from tests.wards.healthy import HEALTHY
from tests.wards.recipe import Case, in_halves
from tests.wards.sick_data import SICK_DATA
from tests.wards.sick_head import SICK_HEAD
from tests.wards.sick_network import SICK_NETWORK
from tests.wards.sick_training import SICK_TRAINING

CASES: tuple[Case, ...] = in_halves(
    SICK_DATA + SICK_HEAD + SICK_NETWORK + SICK_TRAINING + HEALTHY + sum(FAMILIES, start=())
)
BY_NAME = {case.name: case for case in CASES}
