"""Loads pre-trained weights into the backbone."""

from pathlib import Path

from torch import Tensor, nn
from torchvision.models.video import R3D_18_Weights

from micacl.errors import UserError
from micacl.training.checkpoints.tensors import SUFFIX, differences, read_safetensors, read_tensors

_INSTEAD = (
    "Set model.backbone.weights=null to train from scratch, or model.backbone.weights=/path/to/r3d_18.pth to a file"
)


def load_backbone_weights(backbone: nn.Module, weights: str) -> None:
    """Fills the backbone with weights of torchvision's ``r3d_18``.

    Args:
        backbone: The network's backbone, with the parameter names of torchvision's ``r3d_18``.
        weights: A name of ``torchvision.models.video.R3D_18_Weights``, which is downloaded once, or a file with a state
            dict: torchvision's, or that of a whole network of ours (best.safetensors), whose backbone is loaded.

    Raises:
        UserError: If there are no such weights, they cannot be downloaded or read, or they do not fit.
    """
    state = _downloaded(weights) if weights in R3D_18_Weights.__members__ else _from_file(Path(weights))
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    different = differences(state, backbone.state_dict())
    if different:
        raise UserError(f"the weights {weights} do not fit R3D-18: {different}. {_INSTEAD}.")
    backbone.load_state_dict(state)


def _downloaded(name: str) -> dict[str, Tensor]:
    try:
        return dict(R3D_18_Weights[name].get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:
        url = R3D_18_Weights[name].url
        raise UserError(
            f"the pre-trained weights {name} cannot be downloaded from {url} ({error}). {_INSTEAD} that you downloaded "
            "elsewhere."
        ) from error


def _from_file(path: Path) -> dict[str, Tensor]:
    names = ", ".join(R3D_18_Weights.__members__)
    if not path.is_file():
        raise UserError(f"model.backbone.weights={path} is neither a file nor one of {names}. {_INSTEAD}.")
    try:
        if path.suffix == SUFFIX:
            return _own_or_all(read_safetensors(path, "the weights")[0])
        state = read_tensors(path, "the weights")
    except UserError as error:
        raise UserError(f"{error}. {_INSTEAD}.") from error
    if not isinstance(state, dict) or not all(isinstance(x, str) and isinstance(y, Tensor) for x, y in state.items()):
        raise UserError(f"the weights {path} are no state dict of torchvision's r3d_18. {_INSTEAD}.")
    return state


def _own_or_all(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Picks the backbone out of a state dict of a whole network of ours; returns any other as it is."""
    own = {name.removeprefix("backbone."): value for name, value in state.items() if name.startswith("backbone.")}
    return own or state
