"""TOML to a checked recipe: what each field means, faults with file and line."""

from handseg.recipe.faults import Origin, RecipeError, RecipeFault
from handseg.recipe.find import bundled_folder, bundled_recipes
from handseg.recipe.load import LoadedRecipe, load_recipe
from handseg.recipe.schema import (
    Checkpoint,
    Data,
    EarlyStop,
    Loss,
    MeanStd,
    Model,
    Optimizer,
    Predict,
    Recipe,
    Schedule,
    Train,
    Transform,
    Validate,
)

__all__ = [
    "Checkpoint",
    "Data",
    "EarlyStop",
    "LoadedRecipe",
    "Loss",
    "MeanStd",
    "Model",
    "Optimizer",
    "Origin",
    "Predict",
    "Recipe",
    "RecipeError",
    "RecipeFault",
    "Schedule",
    "Train",
    "Transform",
    "Validate",
    "bundled_folder",
    "bundled_recipes",
    "load_recipe",
]
