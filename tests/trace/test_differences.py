"""Numbers of all steps as deflated differences: the same again, in fewer bytes, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from x2vkit.errors import X2VError
from x2vkit.trace.differences import Stack, eight_bits


@pytest.mark.parametrize("kind", [np.int8, np.int16])
def test_whole_numbers_come_back_as_they_were(kind):
    limits = np.iinfo(kind)
    rng = np.random.default_rng(0)
    for numbers in (
        rng.integers(limits.min, limits.max, (5, 3, 4), dtype=kind, endpoint=True),
        np.array([[limits.min], [limits.max], [limits.min]], kind),  # differences wrap around
        np.zeros((1, 2, 2), kind),
    ):
        packed = Stack.of(numbers)
        np.testing.assert_array_equal(packed.numbers(), numbers)
        assert packed.numbers().dtype == kind and (packed.size, packed.nbytes) == (
            numbers.size,
            numbers.nbytes,
        )


def test_values_are_off_by_half_a_scale_that_all_steps_share():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 3, 50)) * [[[1], [10], [0]]]
    packed = Stack.eight_bits(values)
    largest = np.abs(values).max(axis=(0, 2))
    np.testing.assert_allclose(packed.scale, np.maximum(largest, 1e-12) / 127, rtol=1e-6)
    assert (np.abs(packed.values() - values) <= 0.51 * packed.scale[None, :, None]).all()
    one, scale = eight_bits(values[0], 1)
    np.testing.assert_array_equal(Stack.eight_bits(values[:1]).numbers()[0], one)
    np.testing.assert_array_equal(Stack.eight_bits(values[:1]).scale, scale)


def test_what_changes_little_from_step_to_step_takes_a_third():
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(1, 4000)) + 0.02 * rng.normal(size=(20, 4000)).cumsum(axis=0)
    packed = Stack.eight_bits(steps, 0)
    assert 3 * len(packed.data) < packed.nbytes
    assert len(Stack.eight_bits(rng.normal(size=(20, 4000)), 0).data) > 0.8 * packed.nbytes


def test_bytes_of_another_shape_are_refused():
    packed = Stack.of(np.arange(24, dtype=np.int8).reshape(4, 6))
    for shape in ((4, 7), (3, 6), (), (0, 6), (-4, -6), (2**40, 6)):
        with pytest.raises(X2VError, match="hold no numbers"):
            replace(packed, shape=shape).numbers()
    with pytest.raises(X2VError, match="damaged"):
        replace(packed, data=b"\x78\x9c" + b"\xff" * 40).numbers()
