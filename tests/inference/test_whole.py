"""Images through a network in batches."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from handseg.data.images import read_image
from handseg.data.planes import Letterbox
from handseg.inference import whole
from handseg.inference.whole import Inference, infer_samples, read_batch


class Echo(torch.nn.Module):
    """Two planes: the image itself, and the number of images in the batch."""

    def forward(self, images):
        assert not self.training
        grey = images.float()
        return torch.stack([grey, torch.full_like(grey, len(images))], 1)


def test_every_image_meets_its_own_logits_whatever_the_batch(dataset):
    samples = dataset.train[:3]
    for batch_size in (1, 2, 8):
        inference = Inference(torch.device("cpu"), "fp32", batch_size)
        model = Echo().train()
        answers = list(infer_samples(model, samples, 48, inference))
        assert [sample for sample, _, _ in answers] == list(samples)
        for sample, fit, logits in answers:
            assert fit.source == read_image(sample.image).shape
            _, (image,), _ = read_batch([sample], 48)
            assert np.array_equal(logits[0].numpy(), image)
        sizes = [int(logits[1, 0, 0]) for _, _, logits in answers]
        assert sizes == {1: [1, 1, 1], 2: [2, 2, 1], 8: [3, 3, 3]}[batch_size]


def test_no_images_are_no_work(dataset):
    inference = Inference(torch.device("cpu"), "fp32", 2)
    assert list(infer_samples(Echo(), (), 48, inference)) == []


@pytest.mark.parametrize("source", [(300, 210), (211, 333), (64, 48), (50, 999)])
def test_the_masks_of_large_images_are_those_of_all_others(monkeypatch, source):
    fit = Letterbox(source, 48)
    torch.manual_seed(0)
    noise = torch.randn(1, 6, 6, 6).sub(1)
    logits = functional.interpolate(noise, size=(48, 48), mode="bicubic")[0]
    logits[4], logits[5] = -9, 9
    expected = torch.stack(list(whole.full_size_masks(logits, fit)))
    monkeypatch.setattr(whole, "LARGE", 0)
    monkeypatch.setattr(whole, "ROWS_AT_ONCE", 100)
    found = torch.stack(list(whole.full_size_masks(logits, fit)))
    assert found.dtype == expected.dtype
    # The last bit of a float decides where both are equally likely.
    assert (found != expected).sum() <= 2
    assert 0 < expected[:4].float().mean() < 1
