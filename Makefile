PYTHON ?= python3
PROFILE ?= offline

.PHONY: course test lab setup render bench canary

course:  ## run every lesson, in order
	@$(PYTHON) course.py run --profile $(PROFILE)

test:  ## run the tests
	@$(PYTHON) course.py test

lab:  ## open JupyterLab
	@$(PYTHON) course.py lab notebooks

setup:  ## only make .venv
	@$(PYTHON) course.py setup

render: setup  ## run every lesson and store it with its outputs
	@.venv/bin/python -m tools.run_lessons --store

bench: setup  ## measure the course against what people would pick instead (hours; see benchmarks/)
	@.venv/bin/python -m benchmarks

canary:  ## do the lessons run with the newest packages? CANARY holds its options
	@$(PYTHON) -m tools.canary $(CANARY)

.PHONY: site slides exercises quizzes kit progress

site:  ## the course as a site in build/site, from the stored notebooks
	@$(PYTHON) -m tools.site

slides:  ## slides of each lesson in build/slides, with the stored lessons' figures
	@$(PYTHON) -m tools.slides

exercises:  ## notebooks/exercises anew, from the solutions
	@$(PYTHON) -m tools.exercises

quizzes:  ## the questions of teaching/quizzes into the lessons, and as pages to print
	@$(PYTHON) -m tools.quizzes

kit: setup  ## a folder for a USB stick in build/kit: clone, packages, site, slides (KIT holds its options)
	@.venv/bin/python -m tools.kit $(KIT)

progress:  ## a page with the exercises and questions you solved
	@$(PYTHON) -m tools.progress
