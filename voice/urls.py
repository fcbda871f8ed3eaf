from django.urls import path

from voice.rating import rate
from voice.token import token
from voice.webhook import livekit_webhook

urlpatterns = [
    path("token", token, name="token"),
    path("rating", rate, name="rating"),
    path("webhook", livekit_webhook, name="webhook"),
]
