"""Which account and region are meant, and whether the operator allows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from expressway.errors import RefusedError, TargetError
from expressway.privacy.gates import Decision, allowed_regions, decide_elsewhere, decide_target, target_rules


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """A profile and a region, None where the environment's own is meant, or the local AWS sandbox."""

    profile: str | None = None
    region: str | None = None
    sandbox_url: str | None = None

    def other(
        self, profile: str | None, region: str | None, *, environ: Mapping[str, str], strict: bool
    ) -> TargetChoice:
        """The same with another profile or region, where that may be asked for.

        `strict`: without an allow-list nothing else may be, except in the sandbox, where no account is reached.

        Raises:
            RefusedError: ``profile_not_allowed``, ``region_not_allowed``.
        """
        on_sandbox = self._is_on_sandbox(environ)
        decision = decide_target(
            target_rules(environ),
            profile=profile,
            region=region,
            own=(self.profile, self._sandbox_region(environ)) if on_sandbox else self._configured(environ),
            strict=strict and not on_sandbox,
        )
        if not decision.allowed:
            raise RefusedError(decision.code, decision.message, decision.hint)
        return TargetChoice(profile or self.profile, region or self.region, self.sandbox_url)

    def regions(self, *, own: str, partition: str, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The regions that may be asked for, `own` first."""
        from expressway.aws.session import regions_of

        return allowed_regions(target_rules(environ), regions_of(partition), own)

    def elsewhere(self, *, environ: Mapping[str, str], strict: bool) -> Callable[[str], TargetError | None]:
        """What refuses a region that an ARN or an image's address names; None from it where that may be read."""

        @cache  # the configuration's files are read for it, while several reads follow ARNs
        def decided(region: str) -> Decision:
            on_sandbox = self._is_on_sandbox(environ)
            configured = self._sandbox_region(environ) if on_sandbox else self._configured(environ)[1]
            default = TargetChoice(self.profile)._configured(environ)[1] if self.region and not on_sandbox else None
            own = [name for name in (configured, default) if name]
            return decide_elsewhere(target_rules(environ), region, own=own, strict=strict and not on_sandbox)

        def refusal(region: str) -> TargetError | None:
            decision = decided(region)
            return None if decision.allowed else TargetError(decision.code, decision.message, decision.hint)

        return refusal

    def _is_on_sandbox(self, environ: Mapping[str, str]) -> bool:
        from expressway.core.sandbox_key import SANDBOX_VARIABLE

        return bool(self.sandbox_url or environ.get(SANDBOX_VARIABLE))

    def _configured(self, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
        from expressway.aws.session import configured_target

        profile, region = configured_target(self.profile, environ)
        return profile, self.region or region

    def _sandbox_region(self, environ: Mapping[str, str]) -> str:
        return self.region or environ.get("AWS_REGION") or "us-east-1"
