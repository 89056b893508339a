"""The formats of data, in their precedence: the first that recognises a file or folder reads it.

A new format is one file that declares its `Format`, and one line here.
"""

from diagnose.loading.data.arrays import NPY, NPZ
from diagnose.loading.data.folders import ONE_FOLDER, SPLIT_FOLDERS
from diagnose.loading.data.idx import IDX
from diagnose.loading.data.image_folders import IMAGES
from diagnose.loading.data.sources import Format
from diagnose.loading.data.table_files import TABLES
from diagnose.loading.data.texts import TEXT_FOLDERS, TEXT_LINES
from diagnose.loading.data.unsupported import PACKED_FILES, PICKLES, TFRECORDS

FORMATS: tuple[Format, ...] = (
    IMAGES,
    TEXT_FOLDERS,
    SPLIT_FOLDERS,
    NPZ,
    NPY,
    IDX,
    TEXT_LINES,
    TABLES,
    ONE_FOLDER,
    TFRECORDS,
    PACKED_FILES,
    PICKLES,
)
