"""Included by knowledge/urls.py, whose name space these names are in."""

from django.urls import path

from knowledge import intake_views as views

urlpatterns = [
    path("<slug:venue>/import/", views.imports, name="imports"),
    path("<slug:venue>/import/<int:pk>/", views.one_import, name="import"),
    path("<slug:venue>/import/<int:pk>/rows.csv", views.rows_as_csv, name="import_rows"),
    path("<slug:venue>/import/<int:pk>/page-<int:number>.png", views.page_picture, name="import_page"),
    path("<slug:venue>/import/<int:pk>/<int:position>/", views.one_draft, name="import_draft"),
]
