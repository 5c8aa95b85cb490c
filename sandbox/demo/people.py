"""People: names as they are common where a company sits, and rows of those who sign in."""

import unicodedata
from datetime import datetime
from random import Random

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX

from accounts.models import User
from sandbox.demo.world import World

FIRST_NAMES = {
    "DE": "Anna Lukas Miriam Felix Katrin Stefan Leonie Jens Sabine Tobias Nadine Holger Aylin Uwe Franziska Emre",
    "AT": "Elisabeth Florian Magdalena Matthias Verena Dominik Theresa Georg",
    "CH": "Regula Urs Chiara Beat Noëlle Reto Sandrine Marco",
    "NL": "Sanne Daan Fleur Bram Lotte Ruben Maaike Joost Femke Sander",
    "BE": "Elise Jeroen Amélie Wout Justine Maxime Liesbeth Koen",
    "FR": "Camille Antoine Manon Julien Inès Mathieu Sophie Karim Élodie Nicolas",
    "ES": "Lucía Álvaro Carmen Javier Nuria Sergio Marta Pablo Elena Iván",
    "IT": "Giulia Matteo Francesca Alessandro Chiara Davide Silvia Luca Martina Paolo",
    "PL": "Agnieszka Piotr Magdalena Tomasz Karolina Michał Ewa Krzysztof Joanna Paweł",
    "CZ": "Tereza Jakub Lenka Ondřej Kateřina Martin Petra Radek",
    "SE": "Elin Oskar Maja Johan Sofia Anders Ida Fredrik",
    "DK": "Freja Mads Signe Rasmus Line Jakob Mette Søren",
    "IE": "Niamh Conor Ciara Eoin Sinéad Declan Orla Pádraig",
    "GB": "Amelia George Priya Callum Grace Daniel Zara Oliver Imogen Kwame Hannah Rhys",
    "NO": "Ingrid Lars Silje Henrik Kari Ola Astrid Magnus",
    "JP": "Haruka Kenji Yuki Takumi Sakura Daichi Aoi Naoki",
    "KW": "Noura Yousef Dana Khaled Fatima Abdullah Reem Bader",
}
LAST_NAMES = {
    "DE": "Becker Hoffmann Yılmaz Krüger Brandt Seidel Neumann Lorenz Vogel Hartmann Petersen Kaya Winkler Schuster",
    "AT": "Gruber Pichler Steiner Wallner Hofer Leitner Egger Brunner",
    "CH": "Meier Keller Rossi Baumann Favre Zbinden Gerber Bianchi",
    "NL": "Bakker Visser Mulder Smit Dekker Hoekstra Kuipers Postma",
    "BE": "Peeters Janssens Dubois Claes Lambert Wouters Maes Renard",
    "FR": "Moreau Lefèvre Garnier Roux Benali Chevalier Marchand Perrin",
    "ES": "Navarro Ortega Molina Castro Rubio Serrano Iglesias Vidal",
    "IT": "Conti Ferrari Ricci Moretti Gallo Barbieri Fontana Greco",
    "PL": "Nowak Wiśniewska Kowalczyk Lewandowski Zając Wójcik Mazur Dudek",
    "CZ": "Novotná Svoboda Dvořák Černá Procházka Veselý Horáková Kučera",
    "SE": "Lindqvist Bergström Nyström Sandberg Ekström Holm Åberg Sjögren",
    "DK": "Nielsen Kjær Mortensen Holst Thomsen Bech Lauridsen Friis",
    "IE": "Murphy Byrne Gallagher Nolan Keane Doyle Brennan Fitzgerald",
    "GB": "Thompson Okafor Patel Hughes Campbell Begum Wright Fletcher Morgan Osei Barnes Sinclair",
    "NO": "Hansen Solberg Haugen Dahl Johansen Berg Lien Moen",
    "JP": "Tanaka Sato Watanabe Kobayashi Mori Ishikawa Fujita Ueda",
    "KW": "Al-Mutairi Al-Rashidi Behbehani Marafie Al-Enezi Al-Ajmi Dashti Al-Sayer",
}


def name_of_somebody(chance: Random, country: str, taken: set[str]) -> str:
    """A name that nobody in `taken` has; adds it there."""
    first, last = FIRST_NAMES[country].split(), LAST_NAMES[country].split()
    while (name := f"{chance.choice(first)} {chance.choice(last)}") in taken:
        if len(taken) >= len(first) * len(last):  # Every pair is taken: a second given name makes more.
            name = f"{chance.choice(first)} {name}"
            if name not in taken:
                break
    taken.add(name)
    return name


def plain(text: str) -> str:
    """Letters as they stand in addresses: Michał Zając becomes michal.zajac."""
    bare = unicodedata.normalize("NFKD", text.translate(str.maketrans("łŁøØßæÆı", "lLoOsaAi")))
    kept = (letter if letter.isalnum() else "." for letter in bare.lower() if not unicodedata.combining(letter))
    return "".join(kept).replace("..", ".").strip(".")


def add_person(
    world: World,
    *,
    email: str,
    name: str,
    joined_at: datetime,
    job_title: str = "",
    phone: str = "",
    time_zone: str = "Europe/Berlin",
    is_staff: bool = False,
    has_password: bool = False,
) -> User:
    """A person with a verified address. One with a password gets the public one while loading, and is a demo person."""
    person = world.add(
        User(
            email=email,
            name=name,
            phone=phone,
            job_title=job_title,
            time_zone=time_zone,
            is_staff=is_staff,
            is_demo=has_password,
            created_at=joined_at,
        )
    )
    person.password = UNUSABLE_PASSWORD_PREFIX + world.uuid("password", email).hex
    world.add(EmailAddress(user=person, email=email, verified=True, primary=True))
    return person
