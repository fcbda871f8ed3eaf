from django.urls import path

from voice import questions, staff

app_name = "staff"
urlpatterns = [
    path("", staff.wall, name="wall"),
    path("shift", staff.shift, name="shift"),
    path("hand-offs/<int:pk>/claim", staff.claim, name="claim"),
    path("calls/<uuid:pk>/", staff.call_page, name="call"),
    path("calls/<uuid:pk>/golden", questions.make_golden, name="golden"),
    path("calls/<uuid:pk>/<slug:verb>", staff.act, name="act"),
]
