from django.urls import path

from voice import auditing, erasing, history_views, keeping, numbers_view, questions, replay, scorecards, staff, wrong

app_name = "staff"
urlpatterns = [
    path("", staff.wall, name="wall"),
    path("shift", staff.shift, name="shift"),
    path("hand-offs/<int:pk>/claim", staff.claim, name="claim"),
    path("history/", history_views.history_page, name="history"),
    path("history/calls.<slug:kind>", history_views.export, name="export"),
    path("numbers/", numbers_view.numbers_page, name="numbers"),
    path("calls/<uuid:pk>/", staff.call_page, name="call"),
    path("audit/", auditing.audit_page, name="audit"),
    path("keeping/<slug:venue>/", keeping.keeping_page, name="keeping"),
    path("call-backs/<int:pk>/done", staff.called_back, name="called_back"),
    path("calls/<uuid:pk>/erase/", erasing.erase_page, name="erase"),
    path("calls/<uuid:pk>/recording.ogg", replay.recording, name="recording"),
    path("calls/<uuid:pk>/scorecard", scorecards.score, name="score"),
    path("calls/<uuid:pk>/golden", questions.make_golden, name="golden"),
    path("calls/<uuid:pk>/turns/<int:turn>/wrong", wrong.wrong_page, name="wrong"),
    path("calls/<uuid:pk>/<slug:verb>", staff.act, name="act"),
]
