import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "concierge.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

django_app = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from concierge.tracing import traced  # noqa: E402
from voice import answering  # noqa: E402
from voice.routing import SameOriginOnly, websocket_urlpatterns  # noqa: E402

if settings.LOADS_CLOUD_PLUGINS:
    answering.load()  # else the first question does

application = ProtocolTypeRouter(
    {
        "http": traced(django_app),
        # Channels' stubs know their own wrappers only.
        "websocket": SameOriginOnly(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),  # type: ignore[arg-type]
    }
)
