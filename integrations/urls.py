from django.urls import path

from integrations import views

urlpatterns = [
    path("import", views.upload, name="import"),
    path("import/<int:pk>", views.check, name="import_check"),
    path("import/<int:pk>/job", views.job, name="import_job"),
    path("import/<int:pk>/columns", views.columns, name="import_columns"),
    path("import/<int:pk>/mapping", views.keep_mapping, name="import_keep_mapping"),
    path("import/<int:pk>/run", views.carry_out, name="import_run"),
    path("import/<int:pk>/discard", views.discard, name="import_discard"),
    path("import/mappings", views.mappings, name="mappings"),
    path("import/mappings/new", views.mapping_create, name="mapping_create"),
    path("import/mappings/<int:pk>/edit", views.mapping_edit, name="mapping_edit"),
    path("import/mappings/<int:pk>/delete", views.mapping_delete, name="mapping_delete"),
]
