"""Where networks run, and in what numbers."""

import pytest
import torch

from handseg.errors import FailedError
from handseg.inference.device import autocast, best_device, check_precision, inference_precision

CPU = torch.device("cpu")


def test_an_accelerator_that_the_build_knows_but_the_machine_lacks_is_not_taken(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert best_device() == CPU
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert best_device() == torch.device("cuda")


@pytest.mark.parametrize(("precision", "kind"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_products_are_of_the_precision_asked_for(precision, kind):
    with autocast(CPU, precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == kind


def test_fp16_is_for_gpus_and_a_cpu_stands_in_with_float32():
    with pytest.raises(FailedError, match="needs a GPU"):
        check_precision(CPU, "fp16")
    assert inference_precision(CPU, "fp16") == "fp32"
    assert inference_precision(torch.device("cuda"), "fp16") == "fp16"
    assert inference_precision(CPU, "bf16") == "bf16"
