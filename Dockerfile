FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 STATIC_ROOT=/srv/static
WORKDIR /srv/tpm

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY . .
# Collecting needs the settings, and these need addresses: nothing is connected to.
RUN DATABASE_URL=postgres://none/none REDIS_URL=redis://none SECRET_KEY=none SITE_URL=http://none EMAIL_URL=smtp://none \
    python manage.py collectstatic --noinput -v0 \
    && useradd --system --no-create-home tpm

USER tpm
EXPOSE 8000
CMD ["gunicorn", "tpm.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--worker-class", "gthread", "--threads", "4", "--no-control-socket", "--access-logfile", "-"]
