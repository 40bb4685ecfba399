# What the claim of docker/k8s/postgres needs in an EKS cluster: the EBS CSI driver, and the policy with which it may make
# volumes. Without the policy every claim of class ebs-csi stays Pending, which is how a database came to run on an emptyDir.
#
# To be used beside the configuration that declares aws_eks_cluster.main and aws_iam_role.eks_node_group.
# docker/k8s/terraform/validate says whether a configuration has both.

resource "aws_iam_role_policy_attachment" "eks_ebs_csi_policy" {
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
  role       = aws_iam_role.eks_node_group.name
}

resource "aws_eks_addon" "ebs_csi" {
  cluster_name                = aws_eks_cluster.main.name
  addon_name                  = "aws-ebs-csi-driver"
  resolve_conflicts_on_update = "PRESERVE"

  # Volumes are wanted only once their maker may make them.
  depends_on = [aws_iam_role_policy_attachment.eks_ebs_csi_policy]
}
