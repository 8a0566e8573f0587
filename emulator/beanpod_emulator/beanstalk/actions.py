"""What every group of actions has: the backend, the request's tags, the clock, pages."""

from datetime import datetime
from typing import Any

from beanpod_emulator.beanstalk.models import ElasticBeanstalkBackend, eb_backends
from beanpod_emulator.clock import CLOCK
from beanpod_emulator.failures import AnswersFailures
from beanpod_emulator.iam import guard
from beanpod_emulator.iam.callers import CALLER, Caller
from beanpod_emulator.iam.needs import Need


class Actions(AnswersFailures):
    """The base of Elastic Beanstalk's actions. request_id: the id of the request being answered."""

    request_id: str

    def __init__(self) -> None:
        super().__init__(service_name="elasticbeanstalk")
        self.automated_parameter_parsing = True
        self._caller: Caller | None = None

    @property
    def backend(self) -> ElasticBeanstalkBackend:
        return eb_backends[self.current_account][self.region]

    def setup_class(
        self, request: Any, full_url: str | None = None, headers: Any = None, use_raw_body: bool | None = None
    ) -> None:
        super().setup_class(request, full_url, headers, use_raw_body)
        self._caller = getattr(request, "environ", {}).get(CALLER)

    def denial(self, need: Need) -> str | None:
        """What AWS says when the caller lacks the permission; None when there it is."""
        return guard.denial(self._caller, need) if self._caller else None

    def tags(self) -> dict[str, str]:
        """The request's tags."""
        return {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}

    def now(self) -> datetime:
        """The time, naive UTC."""
        return CLOCK.now()

    def run_due(self) -> None:
        """Finish the work whose time has come, before anybody looks."""
        CLOCK.run_due()

    def page(self, items: list[Any], size: int) -> tuple[list[Any], str | None]:
        """The request's page of the items, and the token of the next one. size: how many when it does not say."""
        start = int(self._get_param("NextToken") or 0)
        end = start + int(self._get_param("MaxRecords") or size)
        return items[start:end], str(end) if end < len(items) else None
