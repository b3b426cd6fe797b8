"""Papers: those that the tests come from."""

from dipfolio.report.source import Source

EVENT = ("A0", "A1", "A2", "A3", "A5", "A6", "A7", "A8", "B1", "B2")
RULES = ("K5", "G1", "G2", "G3", "G7", "G8", "G10", "G11", "G13", "G14")
CONTESTS = ("G1", "G7", "G8", "G10")

PAPERS = (
    Source(
        topic="Event study",
        reference="MacKinlay, A. C. (1997), Event Studies in Economics and Finance, Journal of Economic Literature 35(1), 13-39.",
        claims=EVENT,
    ),
    Source(
        topic="Rank of one event",
        reference=(
            "Gelbach, J. B., Helland, E., Klick, J. (2013), Valid Inference in Single-Firm, Single-Event Studies, American "
            "Law and Economics Review 15(2), 495-541, doi:10.1093/aler/aht009."
        ),
        claims=EVENT,
    ),
    Source(
        topic="t of a basket",
        reference=(
            "Brown, S. J., Warner, J. B. (1985), Using daily stock returns: The case of event studies, Journal of Financial "
            "Economics 14(1), 3-31, doi:10.1016/0304-405X(85)90042-X."
        ),
        claims=EVENT,
    ),
    Source(
        topic="Rank test",
        reference=(
            "Corrado, C. J. (1989), A nonparametric test for abnormal security-price performance in event studies, Journal of "
            "Financial Economics 23(2), 385-395, doi:10.1016/0304-405X(89)90064-0."
        ),
    ),
    Source(
        topic="Standardised cross-section",
        reference=(
            "Boehmer, E., Musumeci, J., Poulsen, A. B. (1991), Event-study methodology under conditions of event-induced "
            "variance, Journal of Financial Economics 30(2), 253-272, doi:10.1016/0304-405X(91)90032-F."
        ),
    ),
    Source(
        topic="Correlated names",
        reference=(
            "Kolari, J. W., Pynnönen, S. (2010), Event Study Testing with Cross-sectional Correlation of Abnormal Returns, "
            "Review of Financial Studies 23(11), 3996-4025, doi:10.1093/rfs/hhq072."
        ),
    ),
    Source(
        topic="Waiting curve",
        reference=(
            "Kaplan, E. L., Meier, P. (1958), Nonparametric Estimation from Incomplete Observations, Journal of the American "
            "Statistical Association 53(282), 457-481, doi:10.1080/01621459.1958.10501452."
        ),
        claims=("A2", "G6"),
    ),
    Source(
        topic="Several claims",
        reference=(
            "Holm, S. (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics "
            "6(2), 65-70."
        ),
        claims=(*EVENT, *RULES, "G4", "G5"),
    ),
    Source(
        topic="Stationary bootstrap",
        reference=(
            "Politis, D. N., Romano, J. P. (1994), The Stationary Bootstrap, Journal of the American Statistical Association "
            "89(428), 1303-1313, doi:10.1080/01621459.1994.10476870."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Length of its blocks",
        reference=(
            "Politis, D. N., White, H. (2004), Automatic Block-Length Selection for the Dependent Bootstrap, Econometric "
            "Reviews 23(1), 53-70, doi:10.1081/ETC-120028836; corrected by Patton, Politis and White (2009), 28(4), 372-375, "
            "doi:10.1080/07474930802459016."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Error of a Sharpe ratio",
        reference=(
            "Lo, A. W. (2002), The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4), 36-52, "
            "doi:10.2469/faj.v58.n4.2453."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Probability of a Sharpe ratio",
        reference=(
            "Bailey, D. H., López de Prado, M. (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2), 3-44, "
            "doi:10.21314/JOR.2012.255."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Deflated Sharpe ratio",
        reference=(
            "Bailey, D. H., López de Prado, M. (2014), The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest "
            "Overfitting, and Non-Normality, Journal of Portfolio Management 40(5), 94-107, doi:10.3905/jpm.2014.40.5.094."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Independent variants",
        reference=(
            "Roy, O., Vetterli, M. (2007), The effective rank: A measure of effective dimensionality, 15th European Signal "
            "Processing Conference, 606-610."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Any better than holding",
        reference=(
            "Hansen, P. R. (2005), A Test for Superior Predictive Ability, Journal of Business and Economic Statistics 23(4), "
            "365-380, doi:10.1198/073500105000000063."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Which survive together",
        reference=(
            "Romano, J. P., Wolf, M. (2005), Stepwise Multiple Testing as Formalized Data Snooping, Econometrica 73(4), "
            "1237-1282, doi:10.1111/j.1468-0262.2005.00615.x."
        ),
        claims=CONTESTS,
    ),
    Source(
        topic="Overfitting",
        reference=(
            "Bailey, D. H., Borwein, J. M., López de Prado, M., Zhu, Q. J. (2017), The Probability of Backtest Overfitting, "
            "Journal of Computational Finance 20(4), 39-69, doi:10.21314/JCF.2016.322."
        ),
        claims=CONTESTS,
    ),
)
