from django.apps import AppConfig
from django.db.models.signals import post_delete, pre_delete


class KnowledgeConfig(AppConfig):
    name = "knowledge"

    def ready(self) -> None:
        from knowledge import golden, indexing
        from knowledge.intake import forget_files
        from knowledge.models import Import, Version

        post_delete.connect(forget_files, sender=Import, dispatch_uid="forget_files")
        indexing.after_publish.append(golden.run_after_commit)
        pre_delete.connect(forget, sender=Version, dispatch_uid="forget")


def forget(instance: object, **kwargs: object) -> None:
    """Passages go with their version, whoever deletes it (the admin, a cascade); in-memory indexes must hear of it."""
    from knowledge.indexing import touch
    from knowledge.models import Version

    assert isinstance(instance, Version)
    touch(instance.text.article.venue_id)
