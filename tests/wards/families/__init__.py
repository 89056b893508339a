"""Families of models beyond small dense nets: one file each, with its data, its models and its cases.

List the sick cases of a file before the healthy ones: halves alternate, so that both have both (`recipe.in_halves`).
What its functions read must be arguments, functions or classes: constants are not part of a training's key.
"""

from tests.wards.families.attention import ATTENTION
from tests.wards.families.autoencoder import AUTOENCODER
from tests.wards.families.batch_norm import BATCH_NORM
from tests.wards.families.embedding import EMBEDDING
from tests.wards.families.forecasting import FORECASTING
from tests.wards.families.half_precision import HALF
from tests.wards.families.own_loss import OWN_LOSS
from tests.wards.families.row_order import ROW_ORDER
from tests.wards.families.schedules import SCHEDULES
from tests.wards.families.segmentation import SEGMENTATION
from tests.wards.families.several_inputs import INPUTS
from tests.wards.families.several_outputs import OUTPUTS
from tests.wards.families.splits import SPLITS
from tests.wards.families.tagging import TAGGING
from tests.wards.families.text_vectorization import TEXT
from tests.wards.families.transfer import TRANSFER
from tests.wards.recipe import Case

FAMILIES: tuple[tuple[Case, ...], ...] = (
    BATCH_NORM,
    TRANSFER,
    FORECASTING,
    TAGGING,
    SEGMENTATION,
    ATTENTION,
    EMBEDDING,
    AUTOENCODER,
    OUTPUTS,
    INPUTS,
    TEXT,
    HALF,
    SPLITS,
    ROW_ORDER,
    OWN_LOSS,
    SCHEDULES,
)
