"""Both kinds of host share this map; the doors in concierge.access tell which route answers where."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from concierge import views
from concierge.access import on_console_host
from concierge.health import healthz
from concierge.metrics import metrics

admin.site.site_header = admin.site.site_title = "Concierge"
# The admin has doors of its own, but none that knows hosts, and its sign-in page would go round the second factor
# and the rate limits of the other one.
admin.site.login = on_console_host(secure_admin_login(admin.site.login))  # type: ignore[method-assign]

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("voice/", include("voice.urls")),
    path("staff/", include("voice.staff_urls")),
    path("knowledge/", include("knowledge.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("<language:language>/", views.venue_page, name="venue"),
]
