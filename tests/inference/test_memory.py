"""What counts as a lack of memory, and what is done about it."""

import pytest
import torch

from handseg.inference.device import MicroBatchSize, is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_every_library_s_word_for_it_counts(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA error: device-side assert triggered"), RuntimeError(), KeyboardInterrupt()],
)
def test_another_error_is_another_error(error):
    assert not is_out_of_memory(error)


def test_the_number_is_halved_down_to_one_and_then_the_error_stands():
    told, micro_batch = [], MicroBatchSize(5, lambda size: told.append(size))
    error = torch.OutOfMemoryError("2 GiB wanted")
    micro_batch.shrink(error)
    micro_batch.shrink(error)
    assert told == [2, 1]
    with pytest.raises(torch.OutOfMemoryError):
        micro_batch.shrink(error)


def test_a_number_that_a_person_has_set_and_other_errors_change_nothing():
    for micro_batch, error in (
        (MicroBatchSize(4, may_shrink=False), torch.OutOfMemoryError("2 GiB wanted")),
        (MicroBatchSize(4), RuntimeError("a kernel is missing")),
    ):
        with pytest.raises(type(error)):
            micro_batch.shrink(error)
        assert micro_batch.size == 4
