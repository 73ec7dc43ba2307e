# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make lab       machines, swarm, overlays, proof            make lab LAB=other NODES=5 MANAGERS=3 DRIVER=container SUBNET=10.79.0.0/24
#   make lab NODES=5   a running lab grows; with fewer nodes than it has, the last ones leave the swarm and go
#   make status    nodes, addresses, place in the swarm, snapshots, disk space
#   make ssh N=vm2 a shell on a node
#   make logs      one archive with all logs, without secrets
#   make verify    the proof alone
#   make classroom the lesson live in the browser: text, a terminal on every node, a picture that changes    make classroom LAB=ana LESSON=en
#   make exercise E=blocked-port    breaks something on the lab; then DO=checked, DO=mended, DO=absent; without E the list
#   make report    opens the page of the last proof
#   make lesson    the lesson about overlay networks, typed on the lab and proven, as a page    make lesson LESSON=en
#   make snapshot  the whole lab, frozen while it runs         make snapshot SNAPSHOT=name; make snapshots lists them
#   make restore   brings it back in seconds                   make restore SNAPSHOT=name
#   make stop      stops the machines; make lab starts them again
#   make destroy   no process and no file of the lab is left
#   make existing  the promise on bare hosts as people have them: two suites, firewalls, sudo; some minutes
#   make life      the life of a swarm on machines: disruptions; the next suite's engine, a boot, a new CA while clients ask; two managers lost; an hour
#   make check     ruff, mypy, spelling, YAML: seconds; make format mends what can be mended
#   make test      all tests: lint, unit, integration and long (container nodes), e2e (real VMs); each name alone runs that tier
#   make rare      the tests that are too long for every run
#   make mutation  how many small changes to checks and diagnosis the unit tests notice; needs mutmut; ARGS="--share 0.1 --minutes 25"
#   make matrix    the tests with every supported ansible-core and Python that this machine has; ARGS=--write keeps them in docs/matrix.md

.DEFAULT_GOAL := help
SHELL := /bin/sh

# What is given on the command line wins over the inventory file.
ifdef LAB
export SWARMLAB_LAB := $(LAB)
endif
ifdef NODES
export SWARMLAB_NODES := $(NODES)
endif
ifdef MANAGERS
export SWARMLAB_MANAGERS := $(MANAGERS)
endif
ifdef DRIVER
export SWARMLAB_DRIVER := $(DRIVER)
endif
ifdef SUBNET
export SWARMLAB_SUBNET := $(SUBNET)
endif
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin
PLAY := ansible-playbook $(ARGS)
SNAPSHOT := saved
LESSON := pt

.PHONY: help setup check format lab status logs verify lesson classroom exercise report destroy stop snapshot restore snapshots ssh test lint unit integration long rare e2e existing life matrix bench scale detection blind mutation build

help:
	@sed -n 's/^#   //p' Makefile

.venv/.ready-run: requirements.txt scripts/setup.sh
	@scripts/setup.sh run

.venv/.ready-classroom: requirements.txt requirements-classroom.txt scripts/setup.sh
	@scripts/setup.sh classroom
	@touch .venv/.ready-run

.venv/.ready-dev: requirements.txt requirements-classroom.txt requirements-dev.txt scripts/setup.sh
	@scripts/setup.sh dev
	@touch .venv/.ready-run .venv/.ready-classroom

setup: .venv/.ready-run

lab: .venv/.ready-run
	$(PLAY) site.yml

verify: .venv/.ready-run
	$(PLAY) playbooks/verify.yml

lesson: .venv/.ready-run
	$(PLAY) playbooks/lesson.yml -e lesson_language=$(LESSON)

classroom: .venv/.ready-classroom
	@python scripts/classroom.py --language $(LESSON) $(ARGS)

exercise: .venv/.ready-run
	$(PLAY) playbooks/exercise.yml -e lesson_language=$(LESSON) -e lesson_exercise=$(or $(E),list) -e lesson_exercise_state=$(or $(DO),broken)

report:
	@python3 scripts/report.py $(or $(SWARMLAB_LAB),lab)

stop: .venv/.ready-run
	$(PLAY) playbooks/lab.yml -e lab_state=stopped

snapshot: .venv/.ready-run
	$(PLAY) playbooks/snapshot.yml -e lab_snapshot=$(SNAPSHOT) -e lab_snapshot_replace=true

restore: .venv/.ready-run
	$(PLAY) playbooks/snapshot.yml -e lab_snapshot=$(SNAPSHOT) -e lab_snapshot_state=restored

snapshots: .venv/.ready-run
	$(PLAY) playbooks/snapshot.yml -e lab_snapshot_state=listed

status: .venv/.ready-run
	@$(PLAY) playbooks/status.yml

logs: .venv/.ready-run
	@$(PLAY) playbooks/logs.yml

destroy: .venv/.ready-run
	$(PLAY) playbooks/destroy.yml

ssh: .venv/.ready-run
	@python scripts/node_shell.py $(or $(SWARMLAB_LAB),lab) $(or $(N),vm1)

test: .venv/.ready-dev
	@python scripts/test.py

# Seconds: what people and pre-commit run all the time.
check: .venv/.ready-dev
	@ruff format --check --quiet . || { echo "check: 'make format' formats"; exit 1; }
	@ruff check --quiet .
	@mypy --no-error-summary
	@codespell
	@yamllint --strict .
	@antsibull-changelog lint

format: .venv/.ready-dev
	@ruff check --fix --quiet . ; ruff format --quiet .

lint unit integration long rare e2e: .venv/.ready-dev
	@python scripts/test.py $@

existing life: .venv/.ready-dev
	molecule test -s $@

matrix: .venv/.ready-run
	@python scripts/matrix.py $(ARGS)

bench: .venv/.ready-run
	@python bench/site.py $(ARGS)

scale: .venv/.ready-run
	@python bench/scale.py $(ARGS)

detection: .venv/.ready-run
	@python bench/detection.py $(ARGS)

blind: .venv/.ready-run
	@python bench/blind.py $(ARGS)

mutation: .venv/.ready-dev
	@python scripts/mutation.py $(ARGS)

build: .venv/.ready-run
	ansible-galaxy collection build --force
