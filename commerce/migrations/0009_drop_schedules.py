from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("commerce", "0008_move_schedules")]

    operations = [
        migrations.RemoveField("price", "schedule"),
        migrations.RemoveField("priceevent", "schedule"),
    ]
