PYTHON ?= python3
PROFILE ?= offline

.PHONY: check course test weekly lab setup render bench canary web

course:  ## run every lesson, in order
	@$(PYTHON) course.py run --profile $(PROFILE)

test:  ## run the tests
	@$(PYTHON) course.py test

weekly:  ## run the tests that take too long for each commit
	@$(PYTHON) course.py test -m weekly

lab:  ## open JupyterLab
	@$(PYTHON) course.py lab notebooks

check:  ## is this machine ready for the course?
	@$(PYTHON) course.py check

setup:  ## only make .venv
	@$(PYTHON) course.py setup

render: setup  ## run every lesson and store it with its outputs
	@.venv/bin/python -m tools.run_lessons --store

# MODEL names another model than lesson 05's: a folder, or a name on the Hub. It reaches the program
# as a variable of the environment, so that no name can be a command.
export MODEL
web: setup  ## build the web page of your fine-tuned model in build/web
	@.venv/bin/python -m tools.web --profile $(PROFILE)

bench: setup  ## measure the course against what people would pick instead (hours; see benchmarks/)
	@.venv/bin/python -m benchmarks

lock: setup  ## after a change of a pin: the exact versions of all that the pins bring along
	@.venv/bin/python -m tools.lock

canary:  ## do the lessons run with the newest packages? CANARY holds its options
	@$(PYTHON) -m tools.canary $(CANARY)

.PHONY: site slides quizzes kit exercises progress

site:  ## the course as a site in build/site, from the stored notebooks
	@$(PYTHON) -m tools.site

slides: setup  ## slides of each lesson in build/slides; needs npm the first time
	@.venv/bin/python -m tools.slides

kit: setup  ## one folder for a USB stick: the course, its packages, the site; KIT holds options
	@.venv/bin/python -m tools.kit $(KIT)

exercises: setup  ## the notebooks of exercises, from solutions and teaching/exercises
	@.venv/bin/python -m tools.exercises

progress: setup  ## a page with what you have solved, and the WER of your own model
	@.venv/bin/python -m tools.progress

quizzes: setup  ## the questions of teaching/quizzes into the lessons, and as pages to print
	@.venv/bin/python -m tools.quizzes


.PHONY: colab colab_image publish

colab:  ## do the lessons run with Colab's packages? (Python 3.13)
	@$(PYTHON) -m tools.colab

COLAB_IMAGE ?= us-docker.pkg.dev/colab-images/public/runtime
colab_image:  ## the same in Google's public image of Colab's runtime; needs docker
	@docker run --rm --entrypoint python3 --volume "$(CURDIR):/course" --workdir /course $(COLAB_IMAGE) -m tools.colab --here

# ADDRESS reaches the program as a variable of the environment, as MODEL does.
export ADDRESS
publish:  ## write ADDRESS everywhere, commit, tag and push the release of pyproject.toml's version
	@$(PYTHON) -m tools.publish "$$ADDRESS"
