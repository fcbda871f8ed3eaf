from django import template

from knowledge.saying import in_words

register = template.Library()
register.filter("in_words", in_words)
