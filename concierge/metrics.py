"""GET /metrics on the console host, for Prometheus: what this process counted, and what stands in rows."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from concierge.access import on_console_host

# Collectors that read rows. Not in the registry of the process: agent workers would all report the same rows.
ROWS = CollectorRegistry(auto_describe=False)


@require_safe
@never_cache
@on_console_host
def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(ROWS), content_type=CONTENT_TYPE_LATEST)
