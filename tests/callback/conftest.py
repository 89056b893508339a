"""Two logical CPUs for the tests with two replicas: that has to be said before TensorFlow starts up."""

import contextlib

import tensorflow as tf

with contextlib.suppress(RuntimeError):  # started already, by another test of this process
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
