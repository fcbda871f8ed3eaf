from django.urls import path

from voice import questions, staff

app_name = "staff"
urlpatterns = [
    path("", staff.wall, name="wall"),
    path("calls/<uuid:pk>/", staff.call_page, name="call"),
    path("calls/<uuid:pk>/end", staff.end_call, name="end"),
    path("calls/<uuid:pk>/golden", questions.make_golden, name="golden"),
]
