"""Sets up two logical CPUs for the tests with two replicas, which must happen before TensorFlow starts."""

import contextlib

import tensorflow as tf

with contextlib.suppress(RuntimeError):  # another test of this process has already started TensorFlow
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
