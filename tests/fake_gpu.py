"""A GPU that is not there: tensors "on" it are refused wherever a real GPU would refuse them.

`install()` makes `asr_helpers.devices.device` say cuda:0, and lets each tensor know on which side it
is. Tensors of the two sides cannot be mixed, one on the GPU cannot become a NumPy array, and a model
whose weights are not on the GPU may not compute. All numbers are computed on the CPU, in float32, so
that half precision, speed and memory are not shown.

It sits between Python and PyTorch, as a TorchFunctionMode: what happens within PyTorch's own C++,
the backward pass for one, is not looked at.
"""

import sys
import threading
from importlib.abc import Loader, MetaPathFinder
from importlib.util import find_spec

GPU = "cuda:0"


class _After(MetaPathFinder, Loader):
    """Runs `change(module)` when the module of that name has been imported."""

    def __init__(self, name, change):
        self.name, self.change, self.busy = name, change, False

    def find_spec(self, name, path=None, target=None):
        if name != self.name or self.busy:
            return None
        self.busy = True
        spec = find_spec(name)
        self.busy, self.whole = False, spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec):
        return self.whole.create_module(spec)

    def exec_module(self, module):
        self.whole.exec_module(module)
        self.change(module)


def install():
    """From now on in this process: the fake GPU is there as soon as the course is imported."""
    sys.meta_path.insert(0, _After("asr_helpers.devices", _switch_on))
    sys.meta_path.insert(0, _After("asr_helpers.training", _full_precision))


def _full_precision(training):
    """Half precision is asked of PyTorch, which knows that there is no GPU."""
    real = training.TrainingArguments
    training.TrainingArguments = lambda **named: real(**named | {"bf16": False, "fp16": False})


def _switch_on(devices):
    import torch
    from accelerate.state import PartialState
    from torch.nn.modules.module import register_module_forward_pre_hook
    from transformers import PreTrainedModel, TrainingArguments

    gpu = torch.device(GPU)
    devices.device = lambda: gpu
    mode = _mode()
    mode.__enter__()
    whole = threading.Thread._bootstrap_inner

    def bootstrap(thread):  # modes belong to a thread
        with mode:
            whole(thread)

    threading.Thread._bootstrap_inner = bootstrap
    PartialState.default_device = property(lambda self: gpu)
    TrainingArguments.device = property(lambda self: (self._setup_devices, gpu)[1])
    TrainingArguments.n_gpu = property(lambda self: 1)
    torch.cuda.set_device = lambda device: None
    torch.cuda._exchange_device = torch.cuda._maybe_exchange_device = lambda device: 0
    torch.cuda.synchronize = lambda device=None: None

    def look(module, given):
        if torch.compiler.is_exporting():  # an export only writes down what is computed
            return
        if isinstance(module, PreTrainedModel) and next(module.parameters()).device != gpu:
            raise RuntimeError(f"{type(module).__name__} computes on the CPU beside an idle GPU")

    register_module_forward_pre_hook(look)


def _mode():
    """The mode; made here, as torch must not be imported before anybody asks for it."""
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._pytree import tree_leaves, tree_map_only
    from torch.utils.weak import WeakTensorKeyDictionary

    T, gpu = torch.Tensor, torch.device(GPU)
    on = WeakTensorKeyDictionary()  # the tensors on the GPU
    # Values may come from the other side: they are copied.
    copies = {T.copy_, T.__setitem__, T.data.__set__, T.grad.__set__}
    copies.add(torch._has_compatible_shallow_copy_type)
    arrays = {T.numpy, T.__array__}
    devices = (torch.device, str)

    def is_gpu(device):
        return torch.device(device).type == "cuda"

    def target(args, named):
        """What `.to` is asked for: the device or None, and {"dtype": ...} or nothing."""
        wanted, kind = named.pop("device", None), named.pop("dtype", None)
        for value in args:
            if isinstance(value, devices):
                wanted = value
            elif isinstance(value, torch.dtype):
                kind = value
            elif isinstance(value, T):
                wanted, kind = gpu if value in on else "cpu", value.dtype
        # What is left is whether to wait and whether to copy, which changes no number.
        return wanted, {} if kind is None else {"dtype": kind}

    def mark(found, there):
        if there:
            tree_map_only(T, lambda tensor: on.__setitem__(tensor, True), found)
        return found

    def move(tensor, there, convert):
        moved = convert(tensor)
        if moved is tensor and there != (tensor in on):
            moved = tensor.clone()
        return mark(moved, there)

    def compared(func, args, named):
        """The tensors that must be on one side."""
        if func in copies:
            return []
        if func is torch.nn.functional.ctc_loss:  # lengths may be on either side
            return [value for value in args[:2] if isinstance(value, T)]
        if func is T.__getitem__:  # a tensor on the GPU takes indices from anywhere
            return [] if args[0] in on else [v for v in tree_leaves(args) if isinstance(v, T)]
        return [value for value in tree_leaves((args, named)) if isinstance(value, T)]

    new = torch.nn.Parameter.__new__

    def new_parameter(cls, data=None, requires_grad=True):
        return mark(new(cls, data, requires_grad), data is not None and data in on)

    torch.nn.Parameter.__new__ = new_parameter

    class FakeGPU(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            named = dict(kwargs or {})
            if func == T.device.__get__:
                return gpu if args[0] in on else func(*args)
            if func == T.is_cuda.__get__:
                return args[0] in on
            if func == T.is_cpu.__get__:
                return args[0] not in on
            if func in arrays and args[0] in on:
                raise TypeError(
                    f"can't convert {GPU} device type tensor to numpy. Use Tensor.cpu() to copy the "
                    "tensor to host memory first."
                )
            if func is torch._C._nn._parse_to:  # which reads the arguments of a module's `to`
                return func(*args, **named)
            if func in (T.cpu, T.cuda):
                return move(args[0], func is T.cuda, lambda tensor: tensor)
            if func is T.to:
                wanted, kind = target(args[1:], named)
                there = is_gpu(wanted) if wanted is not None else args[0] in on
                return move(args[0], there, lambda tensor: func(tensor, **kind) if kind else tensor)
            there = None
            if named.get("device") is not None:
                there = is_gpu(named["device"])
                if there:  # "meta", which an export uses, stays
                    named["device"] = "cpu"
            given = compared(func, args, named)
            sides = {tensor in on for tensor in given if tensor in on or tensor.dim()}
            if len(sides) > 1:
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two devices, "
                    f"{GPU} and cpu! ({getattr(func, '__name__', func)})"
                )
            if there is None:
                everything = tree_leaves((args, named))
                there = any(isinstance(value, T) and value in on for value in everything)
                if func in copies or func is T.__getitem__:
                    there = args[0] in on
            found = func(*args, **named)
            if func == T.data.__set__ and args[1] in on:
                on[args[0]] = True
            elif func == T.data.__set__:
                on.pop(args[0], None)
            return mark(found, there)

    return FakeGPU()
