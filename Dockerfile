FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --uid 10001 crawler && install -d -o crawler -g crawler /data

WORKDIR /app
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY . ./

USER crawler
ENV DATA_DIR=/data
EXPOSE 6800

# Without a pidfile: one left by a killed container would keep the next from starting.
CMD ["python", "-m", "scrapyd", "--pidfile="]
