"""The scorer and relative entropy give what the benchmark publishes for each of the series that are at hand.

The figures are from results/relativeEntropy/relativeEntropy_standard_scores.csv of github.com/numenta/NAB, whose sum
over all 58 series is the 54.6 of its table: (10.77 + 116) / 232.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the forge is not installed")

from specialists.forge import nab
from specialists.forge.sensor.baselines import relative_entropy
from specialists.forge.sources.signals import nab as nab_series

DATA = os.environ.get("HIVE_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="HIVE_DATA does not say where the data sets are")

PUBLISHED = {
    "ambient_temperature_system_failure": -1.39979253026,
    "art_daily_flatmiddle": 0.885996850433,
    "art_daily_jumpsdown": 0.601686647012,
    "art_daily_jumpsup": 0.86067182427,
    "art_daily_no_noise": 0.0,
    "art_daily_nojump": -1.33,
    "art_daily_perfect_square_wave": 0.0,
    "art_daily_small_noise": -0.55,
    "art_flatline": 0.0,
    "art_increase_spike_density": -1.0,
    "art_load_balancer_spikes": 0.779398691694,
    "art_noisy": -0.22,
    "cpu_utilization_asg_misconfiguration": 0.424230234496,
    "ec2_cpu_utilization_24ae8d": -0.248449197924,
    "ec2_cpu_utilization_53ea38": 1.4599170584,
    "ec2_cpu_utilization_5f5533": -0.118005584486,
    "ec2_cpu_utilization_77c1ca": 0.23126912244,
    "ec2_cpu_utilization_825cc2": 0.92109354691,
    "ec2_cpu_utilization_ac20cd": 0.64067182427,
    "ec2_cpu_utilization_c6585a": 0.0,
    "ec2_cpu_utilization_fe7f93": 0.294015841307,
    "ec2_disk_write_bytes_1ef3de": 0.431673986013,
    "ec2_disk_write_bytes_c0d644": 0.283523538878,
    "ec2_network_in_257a54": 0.821515330497,
    "ec2_network_in_5abac7": -2.44,
    "ec2_request_latency_system_failure": 2.03586905384,
    "elb_request_count_8c0756": -0.138449197924,
    "grok_asg_anomaly": -1.3770401369,
    "iio_us-east-1_i-a2eb1cd9_NetworkIn": -2.22,
    "machine_temperature_system_failure": -0.916101489945,
    "nyc_taxi": 3.83335967699,
    "rds_cpu_utilization_cc0c53": -0.24812708004,
    "rds_cpu_utilization_e47b3b": 1.71956648491,
    "rogue_agent_key_hold": -1.51582076131,
    "rogue_agent_key_updown": -2.48766861129,
}


def test_relative_entropy_scores_as_published_on_every_series() -> None:
    standard = nab.PROFILES[0]
    for series in nab_series(Path(DATA)):
        scores = relative_entropy(series.values.astype(np.float64))
        result = nab.score([nab.Marked(scores, nab.windows_of(series.anomalous))], standard, 0.5)
        name = Path(series.name).stem
        assert result.raw == pytest.approx(PUBLISHED[name], abs=1e-6), name
