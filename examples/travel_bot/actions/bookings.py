"""The bookings, in a SQLite file."""

import os
import sqlite3
from dataclasses import dataclass
from typing import List, Text

SCHEMA = """
CREATE TABLE IF NOT EXISTS bookings (
    id INTEGER PRIMARY KEY,
    traveller TEXT NOT NULL,
    destination TEXT NOT NULL,
    nights INTEGER NOT NULL
)
"""


@dataclass
class Booking:
    id: int
    destination: Text
    nights: int

    def __str__(self) -> Text:
        return f"#{self.id}: {self.nights} nights in {self.destination}"


def database() -> Text:
    return os.environ.get("BOOKINGS_DB", "bookings.db")


def create_table() -> None:
    connection = sqlite3.connect(database())
    connection.execute(SCHEMA)
    connection.commit()
    connection.close()


def save_booking(traveller: Text, destination: Text, nights: int) -> int:
    """Store a booking. Returns its number."""
    create_table()
    with sqlite3.connect(database()) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO bookings (traveller, destination, nights) VALUES (?, ?, ?)",
            (traveller, destination, nights),
        )
        number = cursor.lastrowid
    return number


def bookings_of(traveller: Text) -> List[Booking]:
    """What a traveller has booked, oldest first."""
    create_table()
    connection = sqlite3.connect(database())
    try:
        rows = connection.execute(
            "SELECT id, destination, nights FROM bookings"
            " WHERE traveller = ? ORDER BY id",
            (traveller,),
        ).fetchall()
    finally:
        connection.close()
    return [Booking(*row) for row in rows]
