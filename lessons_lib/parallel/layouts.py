"""One training step of one model in seven layouts over processes: who holds what, who needs whose numbers.

    one                      all of it on one process
    ddp, fsdp                every rank reads other texts; holds all parameters, or a slice of each
    ep, fsdp_ep              ... and whole experts, to which tokens travel; all else as in ddp, or in fsdp
    pp, dualpipev            every rank holds other layers, in one piece, or in two that make a V

Two rules make every layout equal to one process: gradients are those of *the mean over the whole batch*, and
in the length of the gradient each number counts once, however many ranks hold a copy of it.
Left out: tensor parallelism, replicas of a pipeline, a batch that ranks can't share evenly.
"""

from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleDualPipeV
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from lessons_lib.model import Experts, Transformer, expert_load, routers, update_bias
from lessons_lib.parallel.dispatch import Dispatch, Level, spread_experts
from lessons_lib.parallel.stage import Job, Name, Stage, Whole, local, losses, stage_shapes


class Layout:
    """A model laid over the processes of `torch.distributed`; `model` comes whole, with the same numbers."""

    def __init__(self, name: Name, job: Job, model: Transformer, device: torch.device) -> None:
        self.name, self.job = name, job
        self.world = 1 if name == "one" else dist.get_world_size()
        self.rank = 0 if name == "one" else dist.get_rank()
        self.in_stages, self.level = name in ("pp", "dualpipev"), Level()  # which counts tokens on their way
        self.replicas = 1 if self.in_stages else self.world  # ranks that read different texts
        names = {id(p): n for n, p in model.named_parameters()}
        self.routers = routers(model, mtp=True)
        self.load = {i: torch.zeros(len(r.bias), dtype=torch.int64) for i, r in self.routers.items()}
        for i, router in self.routers.items():
            router.register_forward_hook(lambda _, __, found, i=i: self._note(i, found.ids))
        self.experts: set[nn.Parameter] = set()  # parameters that are other ones on every rank
        self.shared: set[nn.Parameter] = set()  # parameters of two stages
        self.held: nn.Module = Whole(model, job.mtp_weight)
        if name in ("ep", "fsdp_ep"):  # the experts: a group of ranks shares them out
            inner = 2 if name == "fsdp_ep" and self.world > 2 else self.world
            self.mesh = init_device_mesh(
                device.type, (self.world // inner, inner), mesh_dim_names=("copies", "experts")
            )
            self.of_copies = self.mesh["copies"].get_group()
            self.level = Level(self.mesh["experts"].get_group())
            spread_experts(model, Dispatch([self.level]))
            layers = [m for m in model.modules() if isinstance(m, Experts)]
            self.experts = {p for layer in layers for p in layer.parameters()}
        if name == "ddp":
            self.held = DistributedDataParallel(self.held, broadcast_buffers=False)  # biases: ours to keep
        elif name in ("fsdp", "fsdp_ep"):
            mesh = init_device_mesh(device.type, (self.world,))
            for part in (*model.layers, *model.mtp, self.held):
                fully_shard(part, mesh=mesh, ignored_params=self.experts)
        elif self.in_stages:
            self._cut(model, device)
        of, prefix = self.held.named_parameters(), len("module.model." if name == "ddp" else "model.")
        self.parameters = {names[id(p)] if self.in_stages else n[prefix:]: p for n, p in of}

    def _note(self, layer: int, ids: Tensor) -> None:
        self.load[layer] += expert_load(ids, len(self.load[layer])).cpu()

    def _cut(self, model: Transformer, device: torch.device) -> None:
        """Keep this rank's stages, and the schedule of their work."""
        n = self.world if self.name == "pp" else 2 * self.world
        mine = [self.rank] if self.name == "pp" else [self.rank, n - 1 - self.rank]  # a V: first and last
        stages = [Stage(model, i, n) for i in mine]
        self.held, self.zero = nn.ModuleList(stages), model.embed.weight.new_zeros(())
        self.routers = {i: r for i, r in self.routers.items() if r in set(self.held.modules())}
        self.ends = 0 in mine, n - 1 in mine
        if any(self.ends) and not all(self.ends) and model.mtp:
            self.shared = set(model.embed.parameters())
        self.end_group = dist.new_group([0, self.world - 1])  # they share the embedding
        self.main: list[Tensor] = []

        def loss(logits: tuple[Tensor, ...], tokens: Tensor) -> Tensor:
            total, main = losses(list(logits), tokens, self.job.mtp_weight)
            self.main.append(main)
            return total

        shapes = [stage_shapes(stage, self.job) for stage in stages]
        of = [PipelineStage(s, s.number, n, device, **k) for s, k in zip(stages, shapes, strict=True)]
        kind = partial(Schedule1F1B, of[0]) if self.name == "pp" else partial(ScheduleDualPipeV, list(of))
        self.schedule: Any = kind(self.job.micro_batches, loss_fn=loss, scale_grads=False)

    def backward(self, tokens: Tensor) -> float:
        """Leave the gradients of the whole batch's mean and return its main loss; tokens (B, T + 1)."""
        tokens = tokens.chunk(self.replicas)[self.rank % self.replicas]
        if self.in_stages:
            self.main.clear()
            first, last = self.ends
            more = {"tokens": tokens, "target": tokens} if last else {}
            self.schedule.step(*[tokens[:, :-1]] * first, **more)
            loss = torch.stack(self.main).mean() if last else self.zero.clone()
            for p, gradient in self.gradients().items():
                gradient /= self.job.micro_batches
                if p in self.shared:
                    dist.all_reduce(gradient, group=self.end_group)
        else:
            total, loss = self.held(tokens)
            total.backward()
            loss = loss / self.replicas
            for p, gradient in self.gradients().items():
                if p in self.experts or self.name == "ep":
                    gradient /= self.replicas
                    dist.all_reduce(gradient, group=self.of_copies if p in self.experts else None)
        if self.world > 1:
            dist.all_reduce(loss)
        return loss.item()

    def gradients(self) -> dict[nn.Parameter, Tensor]:
        """Return the gradient of each parameter that this rank holds."""
        return {p: p.grad for p in self.held.parameters() if p.grad is not None}

    def copies(self, p: nn.Parameter) -> int:
        """Return how many ranks hold these very numbers."""
        if p in self.experts:
            return self.mesh["copies"].size()
        return 1 if isinstance(p, DTensor) else 2 if p in self.shared else self.replicas

    @torch.no_grad()
    def clip(self, most: float) -> float:
        """Cut the gradient to length `most`, as one process would; return its length."""
        gradients = {p: local(gradient) for p, gradient in self.gradients().items()}
        square = torch.stack([g.double().square().sum() / self.copies(p) for p, g in gradients.items()]).sum()
        if self.world > 1:
            dist.all_reduce(square)
        length = square.sqrt().item()
        for g in gradients.values():
            g *= min(1.0, most / (length + 1e-6))
        return length

    def rebalance(self, speed: float) -> dict[int, list[int]]:
        """Move the routers' biases by the load of the whole batch; return it, for the routers held here."""
        for i, router in self.routers.items():
            if self.replicas > 1 and not self.job.own_counts:
                dist.all_reduce(self.load[i])
            update_bias(router.bias, self.load[i], speed)
        seen = {i: self.load[i].tolist() for i in self.routers}
        for load in self.load.values():
            load.zero_()
        return seen
