from django.urls import include, path

from knowledge import golden_views, views
from voice import gap_views, trying

app_name = "knowledge"
# Slugs come from imports too, so they may hold any character; an article's address always ends in a language.
urlpatterns = [
    path("", views.venues, name="list"),
    path("<slug:venue>/", views.articles, name="articles"),
    path("<slug:venue>/new/", views.new_article, name="new"),
    path("", include("knowledge.intake_urls")),
    path("<slug:venue>/export/", views.export_venue, name="export"),
    path("<slug:venue>/try/", trying.try_it, name="try"),
    path("<slug:venue>/golden/", golden_views.golden_page, name="golden"),
    path("<slug:venue>/gaps/", gap_views.gap_list, name="gaps"),
    path("<slug:venue>/gaps/<int:pk>/", gap_views.gap_page, name="gap"),
    path("<slug:venue>/<path:article>/<str:language>/versions/<int:number>/", views.old_version, name="version"),
    path("<slug:venue>/<path:article>/<str:language>/", views.edit_text, name="text"),
]
