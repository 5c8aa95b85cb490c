"""A password while it is typed: shown when somebody asks for it, and measured."""

from playwright.sync_api import expect


def test_a_new_password_is_measured_and_can_be_shown(visit) -> None:
    page = visit()
    page.goto("/accounts/signup/")
    password = page.get_by_label("Password")
    meter = page.get_by_label("Strength")
    password.press_sequentially("password1234")
    expect(meter).to_have_attribute("value", "1")
    password.fill("seven grey horses cross the river")
    expect(meter).to_have_attribute("value", "4")
    show = page.get_by_role("button", name="Show the password")
    expect(show).to_have_attribute("aria-pressed", "false")
    show.click()
    expect(show).to_have_attribute("aria-pressed", "true")
    expect(password).to_have_attribute("type", "text")
    show.click()
    expect(password).to_have_attribute("type", "password")
