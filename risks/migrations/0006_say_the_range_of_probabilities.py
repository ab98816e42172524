import django.core.validators
from django.db import migrations, models

SAYS = dict.fromkeys(
    ("max_digits", "max_value", "max_whole_digits", "min_value"),
    "A probability lies between 0 and 1: write 0.6 for 60 per cent.",
)


def share(**named):
    validators = [django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1)]
    return models.DecimalField(
        blank=True, decimal_places=4, error_messages=SAYS, max_digits=5, null=True, validators=validators, **named
    )


class Migration(migrations.Migration):
    dependencies = [
        ("risks", "0005_search"),
    ]

    operations = [
        operation
        for model in ("risk", "riskevent")
        for operation in (
            migrations.AlterField(
                model_name=model,
                name="probability",
                field=share(help_text="From 0 to 1."),
            ),
            migrations.AlterField(
                model_name=model,
                name="residual_probability",
                field=share(
                    help_text="From 0 to 1, once what is planned against it is done.",
                    verbose_name="probability after mitigation",
                ),
            ),
        )
    ]
