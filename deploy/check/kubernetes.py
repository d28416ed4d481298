"""Whether the manifests are what Kubernetes takes, hang together, and keep our rules.

    kubernetes.py FOLDER [--rendered FILE...] [--versions 1.29,...]

Every document of every file is compared with the schemas of those versions of Kubernetes, nothing
unknown being allowed; every file must be listed by a kustomization, and each that is listed be
there; pods must do without root, capabilities and a writable root, and what they refer to must
exist. A rendered file is what `kubectl kustomize` made of a folder.

Says each fault in a line and ends with 1 if there was any.
"""

import argparse
import json
import os
import sys

import jsonschema
import kubernetes_validate
import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
OPERATOR = "monitoring.coreos.com/v1"
KUSTOMIZE = {"kustomize.config.k8s.io/v1beta1": "Kustomization", "kustomize.config.k8s.io/v1alpha1": "Component"}
KUSTOMIZE_FIELDS = {
    "apiVersion", "kind", "namespace", "resources", "components", "images", "configMapGenerator", "patches",
}
WORKLOADS = ("DaemonSet", "Deployment", "Job", "StatefulSet")
# The one init container that may be root, and with which capability.
MAY_BE_ROOT = {"own-directory": ["CHOWN"]}
# The schemas say "a string" where the API server takes only these. `type` by what it is the type of.
CHOICES = {
    "accessModes": {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"},
    "completionMode": {"NonIndexed", "Indexed"},
    "fsGroupChangePolicy": {"OnRootMismatch", "Always"},
    "hostPath.type": {"Directory", "DirectoryOrCreate", "File", "FileOrCreate"},
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "internalTrafficPolicy": {"Cluster", "Local"},
    "podManagementPolicy": {"OrderedReady", "Parallel"},
    "policyTypes": {"Ingress", "Egress"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "strategy.type": {"RollingUpdate", "Recreate"},
    "unhealthyPodEvictionPolicy": {"IfHealthyBudget", "AlwaysAllow"},
    "updateStrategy.type": {"RollingUpdate", "OnDelete"},
}
faults = []
documents_seen = 0


def fault(where, text):
    faults.append(f"{where}: {text}")


class Strict(yaml.SafeLoader):
    """YAML in which no key stands twice, as the API server wants it."""


def mapping(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    for key in {key for key in keys if keys.count(key) > 1}:
        raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", node.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return [document for document in yaml.load_all(file, Strict) if document is not None]
    except yaml.YAMLError as error:
        fault(path, " ".join(str(error).split()))
        return []


def check_schema(where, document, versions):
    global documents_seen
    documents_seen += 1
    if document.get("apiVersion") == OPERATOR:
        with open(os.path.join(HERE, "monitoring.schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        schema["$ref"] = f"#/$defs/{document.get('kind')}"
        try:
            jsonschema.Draft202012Validator(schema).validate(document)
        except jsonschema.ValidationError as error:
            fault(where, f"{'.'.join(map(str, error.path))}: {error.message}")
        except Exception as error:  # A kind that the schema does not have.
            fault(where, f"unknown kind: {error}")
        return
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(map(str, error.path))
            fault(where, f"Kubernetes {version}: {path}: {error.message[:300]}")
            return
        except (kubernetes_validate.SchemaNotFoundError, KeyError, AttributeError) as error:
            fault(where, f"Kubernetes {version}: unknown kind {document.get('kind')}: {error}")
            return


def check_choices(where, value, above=""):
    if isinstance(value, list):
        for item in value:
            check_choices(where, item, above)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        choices = CHOICES.get(f"{above}.{key}", CHOICES.get(key))
        for chosen in (item if isinstance(item, list) else [item]) if choices else []:
            if chosen not in choices:
                fault(where, f"{key}: {chosen} is none of {', '.join(sorted(choices))}")
        check_choices(where, item, key)


def check_kustomization(path, document, listed):
    where, folder = path, os.path.dirname(path)
    if KUSTOMIZE.get(document.get("apiVersion")) != document.get("kind"):
        fault(where, f"no kind of kustomize: {document.get('apiVersion')} {document.get('kind')}")
    for field in sorted(set(document) - KUSTOMIZE_FIELDS):
        fault(where, f"unknown field {field}")
    named = document.get("resources", []) + document.get("components", [])
    named += [patch.get("path", "") for patch in document.get("patches", [])]
    for generator in document.get("configMapGenerator", []):
        named += [file.rpartition("=")[2] for file in generator.get("files", [])]
    for name in named:
        target = os.path.normpath(os.path.join(folder, name))
        if target in listed:
            fault(where, f"{name} is listed twice, here or elsewhere")
        listed.add(target)
        if not os.path.exists(target):
            fault(where, f"{name} is not there")
    return [generator["name"] for generator in document.get("configMapGenerator", [])]


def pod_of(document):
    return document["spec"]["template"]["spec"] if document.get("kind") in WORKLOADS else None


def check_pod(where, document, names):
    """Our rules for pods, beyond what the schemas say."""
    pod = pod_of(document)
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        fault(where, "the pod may be root")
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        fault(where, "the seccomp profile is not RuntimeDefault")
    for field in ("automountServiceAccountToken", "enableServiceLinks"):
        if pod.get(field) is not False:
            fault(where, f"{field} is not false")
    claims = document["spec"].get("volumeClaimTemplates", [])
    volumes = {volume["name"] for volume in pod.get("volumes", [])} | {claim["metadata"]["name"] for claim in claims}
    used = set()
    for container in pod.get("initContainers", []) + pod["containers"]:
        check_container(f"{where}: {container['name']}", container, volumes, used, names)
    for name in sorted(volumes - used):
        fault(where, f"volume {name} is mounted nowhere")
    for volume in pod.get("volumes", []):
        name = volume.get("configMap", {}).get("name")
        if name and name not in names["ConfigMap"]:
            fault(where, f"there is no ConfigMap {name}")
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            fault(where, f"volume {volume['name']} has no limit")
    if document["kind"] == "Job":
        return
    labels = document["spec"]["template"]["metadata"]["labels"]
    wanted = document["spec"]["selector"]["matchLabels"]
    if not wanted.items() <= labels.items():
        fault(where, f"the selector {wanted} does not select its own pods")
    service = document["spec"].get("serviceName")
    if service and service not in names["Service"]:
        fault(where, f"there is no Service {service}")


def check_container(where, container, volumes, used, names):
    security = container.get("securityContext", {})
    allowed = MAY_BE_ROOT.get(container["name"])
    capabilities = security.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add") != allowed:
        fault(where, "capabilities are left")
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        fault(where, "it may gain rights")
    if security.get("readOnlyRootFilesystem") is not True:
        fault(where, "its root file system can be written")
    if allowed is None and (security.get("runAsNonRoot") is False or security.get("runAsUser") == 0):
        fault(where, "it is root")
    for kind in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if what not in container.get("resources", {}).get(kind, {}):
                fault(where, f"no {kind} of {what}")
    for mount in container.get("volumeMounts", []):
        used.add(mount["name"])
        if mount["name"] not in volumes:
            fault(where, f"there is no volume {mount['name']}")
    for source in container.get("envFrom", []):
        name = source.get("configMapRef", {}).get("name")
        if name not in names["ConfigMap"]:
            fault(where, f"there is no ConfigMap {name}")
    ports = {port["name"] for port in container.get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        port = container.get(probe, {}).get("httpGet", {}).get("port")
        if port is not None and port not in ports:
            fault(where, f"{probe}: there is no port {port}")
        if "http" in ports and probe not in container:
            fault(where, f"no {probe}")
    variables = {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
    peer = variables.get("SWARMLET_PEER")
    if peer and (not peer.endswith(".") or peer.split(".")[0] not in names["Service"]):
        fault(where, f"SWARMLET_PEER is no Service with a dot at its end: {peer}")
    if peer and "SWARMLET_SWEEP" not in variables and "swarmlet-settings" not in str(container.get("envFrom")):
        fault(where, "the sweep of the image is not turned off")


def check_selectors(documents, names):
    pods = [d["spec"]["template"]["metadata"]["labels"] for _, d in documents if pod_of(d)]
    for where, document in documents:
        spec = document.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if document["kind"] in WORKLOADS or not selector:
            continue
        wanted = selector.get("matchLabels", selector)
        if not any(wanted.items() <= labels.items() for labels in pods):
            fault(where, f"selects no pod: {wanted}")
        for port in spec.get("ports", []) if document["kind"] == "Service" else []:
            if port["targetPort"] not in names["port"]:
                fault(where, f"there is no port {port['targetPort']}")


def check(path, documents, names, versions):
    for number, document in enumerate(documents):
        metadata = document.get("metadata", {})
        where = f"{path}: {document.get('kind')} {metadata.get('name', number)}"
        before = len(faults)
        check_schema(where, document, versions)
        check_choices(where, document)
        if len(faults) == before and pod_of(document):
            check_pod(where, document, names)


def names_in(documents, generated):
    names = {"ConfigMap": set(generated), "Service": set(), "port": set()}
    for document in documents:
        if document.get("kind") in names:
            names[document["kind"]].add(document["metadata"]["name"])
        for container in (pod_of(document) or {}).get("containers", []):
            names["port"] |= {port["name"] for port in container.get("ports", [])}
    return names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--rendered", nargs="*", default=[])
    parser.add_argument("--versions", default="1.29,1.37")
    args = parser.parse_args()
    versions = args.versions.split(",")
    listed, generated, plain, found = set(), [], {}, set()
    for folder, _, files in sorted(os.walk(args.folder)):
        for file in sorted(files):
            path = os.path.normpath(os.path.join(folder, file))
            if file == "kustomization.yaml":
                for document in load(path):
                    generated += check_kustomization(path, document, listed)
            elif not file.endswith(".md"):
                found.add(path)
                # A patch is a part of a document: it is seen when it is rendered.
                if file.endswith((".yaml", ".yml")) and not file.endswith(".patch.yaml"):
                    plain[path] = load(path)
    for path in sorted(found - listed):
        fault(path, "is listed in no kustomization")
    for path in sorted(listed - found):
        if not os.path.isdir(path):
            fault(path, "is listed, and no file")
    every = [document for documents in plain.values() for document in documents]
    names = names_in(every, generated)
    for path, documents in plain.items():
        check(path, documents, names, versions)
    check_selectors([(f"{path}: {d['kind']} {d['metadata']['name']}", d) for path in plain for d in plain[path]], names)
    for path in args.rendered:
        documents = load(path)
        if not documents:
            fault(path, "nothing was rendered")
        check(path, documents, names_in(documents + every, generated), versions)
    for line in faults:
        print(line)
    if not faults:
        print(f"{documents_seen} documents, Kubernetes {' and '.join(versions)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
