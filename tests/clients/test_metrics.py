"""`/metrics`, read as Prometheus reads it: by the strict parser of OpenMetrics that its own Python client has."""

import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def families(kedge, user):
    answer = requests.get(f"{kedge.url}/metrics", auth=user, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def test_the_text_is_open_metrics_and_every_family_says_what_it_is(kedge, world):
    read = families(kedge, world.user.basic)
    assert read.keys() >= {"kedge_http_requests", "kedge_http_request_duration_seconds", "kedge_authentications"}
    for family in read.values():
        assert family.documentation, family.name
        assert family.type != "unknown", family.name


def test_a_request_is_counted(kedge, world):
    def counted():
        samples = families(kedge, world.key.basic)["kedge_http_requests"].samples
        labels = {"method": "GET", "route": "/v2/account", "status": "200"}
        return sum(sample.value for sample in samples if sample.labels == labels)

    before = counted()
    assert requests.get(f"{kedge.url}/v2/account", auth=world.key.basic, timeout=30).ok
    assert counted() == before + 1
