# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
#   make lab       machines, swarm, overlays, proof            make lab LAB=other NODES=5 MANAGERS=3 DRIVER=container
#   make verify    the proof alone
#   make destroy   no process and no file of the lab is left
#   make test      all tests: static, unit, container nodes, real VMs

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
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin
PLAY := ansible-playbook $(ARGS)

.PHONY: help setup lab verify destroy stop ssh test lint unit integration e2e bench build clean

help:
	@sed -n 's/^#   //p' Makefile

.venv/.ready-run: requirements.txt scripts/setup.sh
	@scripts/setup.sh run

.venv/.ready-dev: requirements.txt requirements-dev.txt scripts/setup.sh
	@scripts/setup.sh dev
	@touch .venv/.ready-run

setup: .venv/.ready-run

lab: .venv/.ready-run
	$(PLAY) site.yml

verify: .venv/.ready-run
	$(PLAY) playbooks/verify.yml

stop: .venv/.ready-run
	$(PLAY) playbooks/lab.yml -e lab_state=stopped

destroy: .venv/.ready-run
	$(PLAY) playbooks/destroy.yml

ssh:
	@ssh -F .lab/$(or $(LAB),lab)/ssh_config $(or $(N),vm1)

test: .venv/.ready-dev
	@python scripts/test.py

lint unit integration e2e: .venv/.ready-dev
	@python scripts/test.py $@

bench: .venv/.ready-run
	@python bench/site.py $(ARGS)

build: .venv/.ready-run
	ansible-galaxy collection build --force
