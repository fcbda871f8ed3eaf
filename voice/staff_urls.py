from django.urls import path

from voice import staff

app_name = "staff"
urlpatterns = [
    path("", staff.wall, name="wall"),
    path("calls/<uuid:pk>/", staff.call_page, name="call"),
    path("calls/<uuid:pk>/<slug:verb>", staff.act, name="act"),
]
