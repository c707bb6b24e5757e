"""gradcheck of a module with respect to its input and every parameter."""

import torch
from torch import Tensor, nn
from torch.func import functional_call


def module_gradcheck(module: nn.Module, x: Tensor) -> bool:
    """Autograd's gradients of a float64 module against torch's own finite differences."""
    names = [name for name, _ in module.named_parameters()]
    leaves = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]

    def function(x: Tensor, *values: Tensor) -> Tensor:
        out = functional_call(module, dict(zip(names, values, strict=True)), (x,))
        assert isinstance(out, Tensor)
        return out

    return bool(torch.autograd.gradcheck(function, (x.detach().clone().requires_grad_(), *leaves)))
