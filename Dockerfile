# The app on a processor. Build: docker build -t ferscope .   Run: see docs/deploy.md
FROM python:3.11-slim

# Where PyTorch comes from; for a graphics card give https://download.pytorch.org/whl/cu128 or what fits its driver.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    FERSCOPE_HOME=/data

WORKDIR /app
COPY requirements.txt .
# PyTorch first and from its own index: the wheels of the default one bring gigabytes of CUDA.
RUN grep -E '^(torch|torchvision)==' requirements.txt > torch.txt \
    && pip install --index-url "$TORCH_INDEX" -r torch.txt \
    && pip install -r requirements.txt \
    && rm torch.txt

# The workspace belongs to the user that runs the app; the code does not.
RUN useradd --create-home --uid 10001 ferscope \
    && install -d -o ferscope /data
COPY . .

USER 10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py", "--server.headless=true", "--server.address=0.0.0.0"]
