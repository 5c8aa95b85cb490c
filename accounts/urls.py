from django.urls import path

from accounts.views import audit, company, confirm, domains, files, members, notifications, unsubscribing

app_name = "accounts"

urlpatterns = [
    path("company/", company.company, name="company"),
    path("company/profile/", company.company_profile, name="company-profile"),
    path("company/switch/", company.switch_account, name="switch"),
    path("company/domains/", domains.domains, name="domains"),
    path("company/domains/<uuid:public_id>/check/", domains.check, name="domain-check"),
    path("company/domains/<uuid:public_id>/joining/", domains.joining, name="domain-joining"),
    path("company/domains/<uuid:public_id>/remove/", domains.remove, name="domain-remove"),
    path("company/people/", members.people, name="people"),
    path("company/people/leave/", members.leave, name="leave-company"),
    path("company/people/<uuid:public_id>/", members.member, name="member"),
    path("company/people/<uuid:public_id>/deactivate/", members.deactivate, name="deactivate-member"),
    path("company/people/<uuid:public_id>/reactivate/", members.reactivate, name="reactivate-member"),
    path("company/people/<uuid:public_id>/hand-over/", members.hand_over, name="hand-over"),
    path("me/confirm/", confirm.confirm_by_code, name="confirm-by-code"),
    path("me/carry-on/<str:key>/", confirm.carry_on, name="carry-on"),
    path("company/audit/", audit.audit_log, name="audit"),
    path("company/audit/export/<slug:form>/", audit.audit_export, name="audit-export"),
    path("company/notifications/", notifications.company_notifications, name="company-notifications"),
    path("me/notifications/", notifications.notifications, name="notifications"),
    path("me/notifications/bell/", notifications.bell, name="bell"),
    path("me/notifications/read/", notifications.read_notifications, name="read-notifications"),
    path("me/notifications/settings/", notifications.notification_settings, name="notification-settings"),
    path("me/notifications/<uuid:public_id>/", notifications.open_notification, name="open-notification"),
    path("me/mail-works/", notifications.mail_works_again, name="mail-works"),
    path("mail/unsubscribe/<str:token>/", unsubscribing.unsubscribe_page, name="unsubscribe"),
    path("files/<uuid:public_id>/", files.download, name="download"),
]
