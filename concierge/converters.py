from django.urls import register_converter


class LanguageConverter:
    """A language code in an address: en, ar, fil, pt-br. Whether the venue speaks it, the view decides."""

    regex = "[a-z]{2,3}(?:-[a-z0-9]{2,8})?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(LanguageConverter, "language")
