from django.urls import URLPattern, path, register_converter

from cases.views import cases, participants, visibility


class CaseNumber:
    """CS-10482 in an address; the view gets 10482."""

    regex = "CS-[0-9]{1,15}"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix("CS-"))

    def to_url(self, value: str | int) -> str:
        return value if isinstance(value, str) else f"CS-{value}"


register_converter(CaseNumber, "case_number")

app_name = "cases"

urlpatterns: list[URLPattern] = [
    path("cases/", cases.case_list, name="list"),
    path("cases/new/", cases.new, name="new"),
    path("cases/export/", cases.export, name="export"),
    path("cases/<case_number:serial>/", cases.detail, name="detail"),
    path("cases/<case_number:serial>/reply/", cases.reply, name="reply"),
    path("cases/<case_number:serial>/close/", cases.close, name="close"),
    path("cases/<case_number:serial>/people/add/", participants.add, name="add-participant"),
    path("cases/<case_number:serial>/people/remove/", participants.remove, name="remove-participant"),
    path("company/case-visibility/", visibility.settings, name="visibility"),
    path("company/case-visibility/rules/add/", visibility.add_rule, name="add-rule"),
    path("company/case-visibility/rules/<uuid:public_id>/end/", visibility.end_rule, name="end-rule"),
    path("company/case-visibility/people/set/", visibility.set_person, name="set-person"),
]
