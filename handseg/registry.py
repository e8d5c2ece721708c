"""What is chosen by name, and where it is: losses, model libraries, layouts and label formats.

To add one, write its module and add its line here: the recipe's schema, help, checks and messages
ask these tables. For a loss and a library the recipe's tables are then generated anew, by
`tests/recipe/generate_tables.py`.

A place is `module` or `module:attribute`, for `pkgutil.resolve_name`: names are known without
torch or numpy, which come when what is chosen is loaded.
"""

LOSSES = {
    "bce": "handseg.train.loss:bce_loss",
    "dice": "handseg.train.loss:soft_dice_loss",
    "focal": "handseg.train.smp_losses:focal",
    "tversky": "handseg.train.smp_losses:tversky",
    "jaccard": "handseg.train.smp_losses:jaccard",
    "lovasz": "handseg.train.smp_losses:lovasz",
    "boundary": "handseg.train.loss:boundary_loss",
    "topk": "handseg.train.loss:topk_loss",
}
"""Terms of the sum that is trained on, by identifiers: each is a `handseg.train.loss.LossTerm`."""
PIXEL_LOSSES = ("bce", "focal", "topk")
"""Those that are means over pixels, which may count more or less (`loss.overlap_weight`)."""

LIBRARIES = {
    "smp": "handseg.models.from_smp",
    "transformers": "handseg.models.from_transformers",
    "torchvision": "handseg.models.from_torchvision",
}
"""Libraries of networks: each module is a `handseg.models.library.Library`."""

LAYOUTS = {
    "handbone": "handseg.data.handbone:Handbone",
    "coco": "handseg.data.coco:Coco",
    "labelme": "handseg.data.labelme:Labelme",
    "flat": "handseg.data.flat:Flat",
    "tree": "handseg.data.flat:Tree",
}
"""Ways in which data sets lie on disk, in the order in which they are tried: each class is a
`handseg.data.layout.Layout`."""

FORMATS = {
    "handbone": "handseg.formats.handbone:HandboneFormat",
    "coco": "handseg.formats.coco:CocoFormat",
    "labelme": "handseg.formats.labelme:LabelmeFormat",
    "png": "handseg.formats.png:PngFormat",
    "csv": "handseg.formats.submission:CsvFormat",
}
"""Formats that masks are written in: each class is a `handseg.formats.masks.Format`."""
