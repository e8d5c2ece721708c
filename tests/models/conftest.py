"""Recipes of small networks."""

from dataclasses import replace

import pytest

from handseg.recipe.schema import Data, Model, Recipe, Train

SMALL_SEGFORMER = {
    "hidden_sizes": [8, 16, 24, 32],
    "depths": [1, 1, 1, 1],
    "num_attention_heads": [1, 1, 1, 1],
    "decoder_hidden_size": 16,
}


@pytest.fixture
def recipe_of():
    """A recipe of a library's network without weights; further words change its tables."""

    def make(library, architecture, encoder, *, seed=0, channels=1, normalize="image", **model):
        spec = Model(library, architecture, encoder, weights="none")
        if library == "transformers":
            spec = replace(spec, options=SMALL_SEGFORMER)
        return Recipe(
            model=replace(spec, **model),
            data=Data(size=64, channels=channels, normalize=normalize),
            train=Train(seed=seed),
        )

    return make


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No hub, no net, nothing in a cache; what asks for them fails at once."""
    import huggingface_hub.constants as constants
    import torch

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))

    def no_net(*arguments, **words):
        raise OSError("no net in a test")

    monkeypatch.setattr("urllib.request.urlopen", no_net)
    monkeypatch.setattr(torch.hub, "urlopen", no_net, raising=False)
    return tmp_path
